//! The C runtime calls `main`; a program without `std` has to ask for it.

fn main() {
    println!("cargo:rustc-link-arg=-lc");
    println!("cargo:rerun-if-changed=build.rs");
}
