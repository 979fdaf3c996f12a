package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Finding and refusing the native library, each in a process of its own. */
class LibraryTest extends ClusterCase {
    @TempDir
    Path folder;

    /** Prints the version, or twice what is wrong. */
    static final class Asking {
        private Asking() {}

        public static void main(String[] arguments) {
            for (int time = 0; time < 2; time++) {
                try {
                    System.out.println("version " + (time == 0 ? Mccache.version() : Node.open().setting("cluster").get()));
                } catch (UnsatisfiedLinkError refused) {
                    System.out.println("refused: " + refused.getMessage());
                }
            }
        }
    }

    private static String ask(String... options) throws Exception {
        Ended ended = java(List.of(options), Asking.class);
        assertEquals(0, ended.code, ended.output);
        return ended.output;
    }

    private static void contains(String output, String... parts) {
        for (String part : parts) {
            assertTrue(output.contains(part), part + " is not in: " + output);
        }
    }

    @Test
    void aLibraryOfAnotherAbiIsRefusedWithBothNumbers() throws Exception {
        String output = ask("-D" + NativeLibrary.FILE_PROPERTY + "=" + System.getProperty("mccache.test.other.abi"));
        contains(output, "for ABI " + NativeLibrary.ABI_VERSION + ",", "has ABI 99", "the same release");
        assertEquals(2, output.split("refused: ", -1).length - 1, "refused each time, with the same words: " + output);
    }

    @Test
    void whatIsNoLibraryOfOursIsRefused() throws Exception {
        // Some library that Java has, and has not loaded by itself.
        Path other = Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("prefs"));
        contains(ask("-D" + NativeLibrary.FILE_PROPERTY + "=" + other), "for ABI", "is not mccache's", other.toString());
    }

    @Test
    void aFileThatIsNotThereIsNamedAndNothingElseTried() throws Exception {
        Path missing = folder.resolve("missing.so");
        String output = ask("-D" + NativeLibrary.FILE_PROPERTY + "=" + missing);
        contains(output, NativeLibrary.FILE_PROPERTY, missing.toString(), "leave it out");
        assertTrue(!output.contains("java.library.path"), output);
    }

    @Test
    void aDirectoryThatCannotBeUnpackedIntoIsNamedWithEveryPlaceTried() throws Exception {
        Path missing = folder.resolve("missing");
        String output = ask("-D" + NativeLibrary.WORK_PROPERTY + "=" + missing, "-Djava.library.path=" + folder);
        contains(output, NativeLibrary.FILE_PROPERTY + ": not set", "the jar's own copy", missing.toString(), "java.library.path ("
                + folder, NativeLibrary.platform(), "-D" + NativeLibrary.WORK_PROPERTY + "=DIRECTORY");
    }

    @Test
    void theFileOfThePropertyIsUsed() throws Exception {
        Path own = unpacked();
        contains(ask("-D" + NativeLibrary.FILE_PROPERTY + "=" + own), "version 0.", "version ");
    }

    @Test
    void theLibraryPathIsTheLastPlace() throws Exception {
        unpacked();
        Path missing = folder.resolve("missing");
        contains(ask("-D" + NativeLibrary.WORK_PROPERTY + "=" + missing, "-Djava.library.path=" + folder), "version 0.");
    }

    @Test
    void nothingIsLeftInTheWorkDirectory() throws Exception {
        contains(ask("-D" + NativeLibrary.WORK_PROPERTY + "=" + folder), "version 0.");
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(0, left.count());
        }
    }

    private Path unpacked() throws IOException {
        String name = System.mapLibraryName("mccache_jni");
        Path own = folder.resolve(name);
        try (var in = NativeLibrary.class.getResourceAsStream("native/" + NativeLibrary.platform() + "/" + name)) {
            Files.copy(in, own);
        }
        return own;
    }
}
