//! The alert rules: well formed, and each fires when it should and is silent when all is well.

use std::path::Path;
use std::process::Command;

#[test]
fn every_alert_fires_when_it_should() {
    let program = std::env::var_os("OZ_PROMTOOL").expect("OZ_PROMTOOL: run `cargo xtask test`");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/monitoring");
    for arguments in [["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]] {
        let output = Command::new(&program).args(arguments).current_dir(&folder).output().expect("promtool");
        let [said, complained] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success() && said.contains("SUCCESS"), "{arguments:?}: {said}{complained}");
    }
}
