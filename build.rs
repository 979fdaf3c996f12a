//! Gives the shared library its soname. The number changes only when a program linked to an older one would break.

/// `libmccache.so.0`: 0 while the C ABI may still change between minor versions. xtask/src/cargo.rs repeats it.
const SONAME: &str = "libmccache.so.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CARGO_FEATURE_CAPI");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // cargo-c passes a soname of its own; two of them make the linker keep either.
    let cargo_c = std::env::var_os("CARGO_FEATURE_CAPI").is_some();
    if target == "linux" && !cargo_c {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    }
}
