// A native library of another ABI, for tests/Refusals.cs: it has nothing but the question that is asked first.

#include <stdint.h>

int32_t mccache_csharp_abi_version(void);

int32_t mccache_csharp_abi_version(void) {
    return 77;
}
