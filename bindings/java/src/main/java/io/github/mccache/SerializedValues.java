package io.github.mccache;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.ObjectStreamClass;
import java.io.Serializable;

/** What CBOR carries, and Java's object serialization for the rest. Opened only on nodes with a secret key. */
final class SerializedValues extends AnyValues {
    private final ObjectInputFilter filter;

    SerializedValues(ObjectInputFilter filter) {
        this.filter = filter;
    }

    @Override
    public Encoded encode(Object value) {
        if (!(value instanceof Serializable)) {
            return super.encode(value);
        }
        try {
            return super.encode(value);
        } catch (CborWriter.UnfitTypeException notForOthers) {
            return Encoded.of(serialize(value), Encoded.JAVA);
        }
    }

    @Override
    public Object decode(Encoded encoded) {
        return encoded.codec() == Encoded.JAVA ? deserialize(encoded.bytes()) : super.decode(encoded);
    }

    private static byte[] serialize(Object value) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
        } catch (IOException | StackOverflowError failure) {
            throw new CodecException(
                    "a value of type " + value.getClass().getTypeName() + " cannot be serialized: " + failure, failure);
        }
        return bytes.toByteArray();
    }

    private Object deserialize(byte[] bytes) {
        try (ObjectInputStream in = new FilteredInput(bytes)) {
            in.setObjectInputFilter(filter);
            return in.readObject();
        } catch (IOException | ClassNotFoundException | RuntimeException | StackOverflowError failure) {
            throw new CodecException("a value of " + bytes.length + " bytes cannot be deserialized: " + failure, failure);
        }
    }

    /** Looks for classes where the program's own are, and not only where this library is. */
    private static final class FilteredInput extends ObjectInputStream {
        FilteredInput(byte[] bytes) throws IOException {
            super(new ByteArrayInputStream(bytes));
        }

        @Override
        protected Class<?> resolveClass(ObjectStreamClass described) throws IOException, ClassNotFoundException {
            ClassLoader loader = Thread.currentThread().getContextClassLoader();
            if (loader != null) {
                try {
                    return Class.forName(described.getName(), false, loader);
                } catch (ClassNotFoundException notThere) {
                    return super.resolveClass(described);
                }
            }
            return super.resolveClass(described);
        }
    }
}
