package io.github.mccache;

import java.io.ByteArrayOutputStream;
import java.util.Objects;

/** Tags as the library takes them: UTF-8 with a zero byte between two. */
final class Tags {
    /** Of no tags. */
    static final byte[] NONE = {};

    // As the library has them: refused here, before anything is loaded.
    private static final int COUNT_MAX = 16;
    private static final int LENGTH_MAX = 255;

    private Tags() {}

    static byte[] packed(String... tags) {
        Objects.requireNonNull(tags, "tags: null");
        if (tags.length > COUNT_MAX) {
            throw new InvalidArgumentException("tags: " + tags.length + " of them; an entry has " + COUNT_MAX + " at most");
        }
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        for (String tag : tags) {
            byte[] bytes = AnyValues.utf8(Objects.requireNonNull(tag, "tags: null among them"));
            if (bytes.length == 0 || bytes.length > LENGTH_MAX || tag.indexOf('\0') >= 0) {
                throw new InvalidArgumentException("tags: one of " + bytes.length + " bytes; each has 1 to " + LENGTH_MAX
                        + " bytes of UTF-8, none of them zero");
            }
            if (packed.size() > 0) {
                packed.write(0);
            }
            packed.writeBytes(bytes);
        }
        return packed.toByteArray();
    }
}
