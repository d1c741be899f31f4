//! A missing tool is skipped loudly on a bare machine and is a failure in CI.

use std::path::{Path, PathBuf};

/// Set to `1` where every test must run: a missing tool then fails the test.
pub const FORBID_SKIPPING: &str = "THEATER_FORBID_SKIPPING";

/// The tool `name` on `PATH`, or none after a loud line.
///
/// # Panics
/// When it is missing and skipping is forbidden.
pub fn find(name: &str) -> Option<PathBuf> {
    find_any(&[name])
}

/// The first of `names` on `PATH`, or none after a loud line.
///
/// # Panics
/// When all are missing and skipping is forbidden.
pub fn find_any(names: &[&str]) -> Option<PathBuf> {
    let found = names.iter().find_map(|name| on_path(name));
    if found.is_none() {
        let names = names.join(" or ");
        assert!(
            std::env::var_os(FORBID_SKIPPING).is_none(),
            "{names} is not on PATH and {FORBID_SKIPPING} is set: install it"
        );
        eprintln!("!!! SKIPPED: {names} is not on PATH; install it to run this test !!!");
    }
    found
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}
