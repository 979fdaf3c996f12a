package io.github.mccache;

/** A setting or a configuration file is wrong; the message names it, where it stands, and what is accepted. */
public class ConfigException extends MccacheException {
    private static final long serialVersionUID = 1L;

    ConfigException(String message) {
        super(message);
    }
}
