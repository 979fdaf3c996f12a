package io.github.mccache;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Text and UTF-8, both ways and strictly: Java's own conversions put question marks in place of what is malformed. */
final class Text {
    private Text() {}

    /** The text's UTF-8, or null if a surrogate in it stands alone. */
    static byte[] utf8OrNull(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        boolean whole = bytes.length == text.length() ? questionMarksAreOwn(bytes, text) : surrogatesArePaired(text);
        return whole ? bytes : null;
    }

    /** In ASCII, where each character is a byte: a mark that the text does not have was a surrogate. */
    private static boolean questionMarksAreOwn(byte[] bytes, String text) {
        for (int index = 0; index < bytes.length; index++) {
            if (bytes[index] == '?' && text.charAt(index) != '?') {
                return false;
            }
        }
        return true;
    }

    private static boolean surrogatesArePaired(String text) {
        for (int index = 0; index < text.length(); index++) {
            char unit = text.charAt(index);
            if (!Character.isSurrogate(unit)) {
                continue;
            }
            boolean paired = Character.isHighSurrogate(unit)
                    && index + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(index + 1));
            if (!paired) {
                return false;
            }
            index++;
        }
        return true;
    }

    /** The text of UTF-8 bytes, or null if they are none. */
    static String ofUtf8OrNull(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        // The mark of what is malformed may also have been written by somebody.
        return text.indexOf('\uFFFD') < 0 || isUtf8(bytes) ? text : null;
    }

    private static boolean isUtf8(byte[] bytes) {
        try {
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException malformed) {
            return false;
        }
    }

    /** The library's own text, which is UTF-8. */
    static String lenient(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** The library's own text, or null. */
    static String ofOrNull(byte[] bytes) {
        return bytes == null ? null : lenient(bytes);
    }

    /** A name or a setting for the library: UTF-8 and a zero byte at the end. */
    static byte[] terminated(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new InvalidArgumentException("text here cannot contain a zero character");
        }
        byte[] bytes = utf8OrNull(text);
        if (bytes == null) {
            throw new InvalidArgumentException("text here must be valid Unicode: a surrogate in it stands alone");
        }
        return Arrays.copyOf(bytes, bytes.length + 1);
    }
}
