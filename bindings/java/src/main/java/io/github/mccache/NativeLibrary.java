package io.github.mccache;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Finds, loads and checks the native library, once: the file that a system property names, else the jar's own copy, else
 * what {@code java.library.path} has.
 */
final class NativeLibrary {
    /** Frees native handles that nobody can reach any more. What it runs holds a pointer and never waits. */
    static final Cleaner CLEANER = Cleaner.create(work -> {
        Thread thread = new Thread(work, "mccache-cleaner");
        thread.setDaemon(true);
        return thread;
    });

    /** The ABI that these classes were written for: MCC_ABI_VERSION of mccache.h. */
    static final int ABI_VERSION = 0;

    /** Names the library's file; nothing else is tried then. */
    static final String FILE_PROPERTY = "io.github.mccache.library";

    /** Names the directory where the jar's copy is unpacked, in place of java.io.tmpdir. */
    static final String WORK_PROPERTY = "io.github.mccache.workdir";

    private static final String NAME = "mccache_jni";

    private static boolean loaded;
    private static String refusal;

    private NativeLibrary() {}

    /**
     * Loads it, if that was not done.
     *
     * @throws UnsatisfiedLinkError every time, once it could not be loaded; the message lists every place that was tried
     */
    static synchronized void load() {
        if (loaded) {
            return;
        }
        if (refusal == null) {
            List<String> tried = new ArrayList<>();
            if (find(tried)) {
                refusal = checkAbi(tried.get(tried.size() - 1));
            } else {
                refusal = "mccache: no native library for " + platform() + " that can be loaded. Tried:\n  "
                        + String.join("\n  ", tried) + "\n" + cure(tried);
            }
        }
        if (refusal != null) {
            throw new UnsatisfiedLinkError(refusal);
        }
        HotCalls.bind();
        loaded = true;
    }

    /** True if one was loaded: the last of those tried. */
    private static boolean find(List<String> tried) {
        String file = System.getProperty(FILE_PROPERTY);
        if (file != null) {
            String place = "the file of the system property " + FILE_PROPERTY + ", " + file;
            return attempt(tried, place, () -> System.load(Path.of(file).toAbsolutePath().toString()));
        }
        tried.add("the system property " + FILE_PROPERTY + ": not set");
        return fromJar(tried)
                || attempt(
                        tried,
                        System.mapLibraryName(NAME) + " in java.library.path (" + System.getProperty("java.library.path") + ")",
                        () -> System.loadLibrary(NAME));
    }

    private static boolean attempt(List<String> tried, String place, Runnable loading) {
        try {
            loading.run();
            tried.add(place);
            return true;
        } catch (LinkageError | InvalidPathException | SecurityException failure) {
            tried.add(place + ": " + failure.getMessage());
            return false;
        }
    }

    private static boolean fromJar(List<String> tried) {
        String resource = "/io/github/mccache/native/" + platform() + "/" + System.mapLibraryName(NAME);
        String work = System.getProperty(WORK_PROPERTY, System.getProperty("java.io.tmpdir"));
        String place = "the jar's own copy, " + resource;
        try (InputStream copy = NativeLibrary.class.getResourceAsStream(resource)) {
            if (copy == null) {
                tried.add(place + ": the jar has none");
                return false;
            }
            Path folder = Files.createTempDirectory(Path.of(work), "mccache-");
            Path file = folder.resolve(System.mapLibraryName(NAME));
            try {
                Files.copy(copy, file, StandardCopyOption.REPLACE_EXISTING);
                return attempt(tried, place + ", unpacked into " + work, () -> System.load(file.toAbsolutePath().toString()));
            } finally {
                // What is loaded stays, on Unix; elsewhere the files go at the end of the process.
                if (!file.toFile().delete() | !folder.toFile().delete()) {
                    folder.toFile().deleteOnExit();
                    file.toFile().deleteOnExit();
                }
            }
        } catch (IOException | InvalidPathException failure) {
            tried.add(place + ": it cannot be unpacked into " + work + ": " + failure);
            return false;
        }
    }

    /** Null if the library that was loaded fits to these classes. */
    private static String checkAbi(String place) {
        String cure = ". Use the library of the same release as the jar: the jar's own, unless " + FILE_PROPERTY
                + " or java.library.path names another";
        try {
            int found = NativeCalls.abi_version();
            return found == ABI_VERSION
                    ? null
                    : "mccache: these classes are for ABI " + ABI_VERSION + ", and the native library has ABI " + found
                            + " (" + place + ")" + cure;
        } catch (UnsatisfiedLinkError other) {
            return "mccache: these classes are for ABI " + ABI_VERSION + ", and the native library tells none: it is not "
                    + "mccache's (" + place + ")" + cure;
        }
    }

    private static String cure(List<String> tried) {
        if (System.getProperty(FILE_PROPERTY) != null) {
            return "Let the property name a library that is there, or leave it out: the jar has its own.";
        }
        String all = String.join(" ", tried);
        if (all.contains("Operation not permitted") || all.contains("failed to map segment")) {
            return "The directory seems to be mounted noexec: name another with -D" + WORK_PROPERTY + "=DIRECTORY, or unpack "
                    + "the library from the jar and name the file with -D" + FILE_PROPERTY + "=FILE.";
        }
        return "Build it for this platform (cargo xtask java) and name the file with -D" + FILE_PROPERTY + "=FILE; a "
                + "directory to unpack into is named with -D" + WORK_PROPERTY + "=DIRECTORY.";
    }

    /** Such as linux-x86_64. */
    static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String name = system.startsWith("mac") ? "macos" : system.startsWith("windows") ? "windows" : system;
        String machine = System.getProperty("os.arch");
        return name + "-" + (machine.equals("amd64") ? "x86_64" : machine.equals("arm64") ? "aarch64" : machine);
    }
}
