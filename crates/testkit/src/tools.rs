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
        skip(&names.join(" or "));
    }
    found
}

/// The first `name` on `PATH` that `suits`, or none after a loud line; `what` says what is needed.
///
/// # Panics
/// When there is none and skipping is forbidden.
pub fn find_matching(name: &str, what: &str, suits: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let found = all_on_path(name).find(|program| suits(program));
    if found.is_none() {
        skip(what);
    }
    found
}

fn on_path(name: &str) -> Option<PathBuf> {
    all_on_path(name).next()
}

fn all_on_path(name: &str) -> impl Iterator<Item = PathBuf> + use<> {
    let name = name.to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let files = folders.into_iter().map(move |folder| folder.join(&name));
    files
        .filter(|file| is_executable(file))
        .collect::<Vec<_>>()
        .into_iter()
}

fn skip(what: &str) {
    assert!(
        std::env::var_os(FORBID_SKIPPING).is_none(),
        "{what} is not on PATH and {FORBID_SKIPPING} is set: install it"
    );
    eprintln!("!!! SKIPPED: {what} is not on PATH; install it to run this test !!!");
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}
