// A library that says it has another ABI than these classes: it must be refused, with both numbers named.
#include <jni.h>

JNIEXPORT jint JNICALL Java_io_github_mccache_NativeCalls_abi_1version(JNIEnv *env, jclass type) {
    (void)env, (void)type;
    return 99;
}
