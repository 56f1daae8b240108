//! `include/oz_license.h` is what the sources say.

use std::path::Path;

#[test]
fn the_header_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    let sources = ["src/result.rs", "src/lib.rs"];
    let builder = cbindgen::Builder::new().with_config(config);
    let bindings = sources.iter().fold(builder, |all, source| all.with_src(folder.join(source))).generate().unwrap();
    let mut made = vec![];
    bindings.write(&mut made);
    let header = folder.join("include/oz_license.h");
    if std::env::var_os("OZ_BLESS").is_some() {
        std::fs::write(&header, &made).unwrap();
    }
    assert!(std::fs::read(&header).unwrap_or_default() == made, "run `cargo xtask bless`");
}
