package io.github.mccache;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** Settings as the library takes them: names and text. */
final class Settings {
    private Settings() {}

    /** Those of a node over file and environment. */
    static NativeConfig ofNode(Path file, Map<String, ?> settings) {
        NativeConfig config = NativeConfig.from_environment();
        if (file != null) {
            config.load(file.toString());
        }
        settings.forEach((name, value) -> config.set(name, text(name, value)));
        return config;
    }

    /** Those of a cache over its node's; null if there are none. */
    static NativeConfig ofCache(Map<String, ?> settings) {
        if (settings.isEmpty()) {
            return null;
        }
        NativeConfig config = new NativeConfig();
        settings.forEach((name, value) -> config.set(name, text(name, value)));
        return config;
    }

    private static String text(String name, Object value) {
        if (value instanceof Duration) {
            return seconds((Duration) value);
        }
        if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            // 60.0 is 60 to a setting of whole seconds.
            return number == Math.rint(number) && Math.abs(number) < 1e15 ? Long.toString((long) number) : value.toString();
        }
        boolean plain = value instanceof CharSequence
                || value instanceof Number
                || value instanceof Boolean
                || value instanceof Path;
        if (!plain) {
            throw new InvalidArgumentException("setting `" + name + "`: expected text, a number, a Boolean, a Path or a "
                    + "Duration, not " + (value == null ? "null" : value.getClass().getTypeName()));
        }
        return value.toString();
    }

    private static String seconds(Duration time) {
        // With its unit: a number alone is of the setting's, which is the minute for some.
        String whole = Long.toString(time.getSeconds());
        String fraction = time.getNano() == 0 ? "" : "." + String.format("%09d", time.getNano()).replaceAll("0+$", "");
        return whole + fraction + "s";
    }
}
