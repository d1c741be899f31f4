//! The state directory: what survives a restart, and who may use it.
//!
//! ```text
//! .theater/lock          held by the running lab
//!          secret        unguessable path segment of the API, mode 0600
//!          ports         ports to prefer next time
//!          processes     pids that a lab which died left behind
//!          kubeconfig    mode 0600
//!          volumes/      one folder a claim, by cluster
//!          scratch/      one folder a pod, gone with the lab
//!          logs/         one file a container
//! ```

mod leftovers;
mod ports;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

pub use leftovers::Leftovers;
pub use ports::Ports;

/// Folder of the claims' data.
pub const VOLUMES: &str = "volumes";
/// Folder of the pods' own files.
pub const SCRATCH: &str = "scratch";
const LOGS: &str = "logs";

/// The state directory, held by this process.
#[derive(Debug)]
pub struct StateDir {
    folder: PathBuf,
    /// Unlocked by the operating system when this process ends, however it ends.
    lock: File,
}

impl StateDir {
    /// Makes the folder where needed and takes its lock.
    ///
    /// # Errors
    /// When another lab holds it, or it cannot be written.
    pub fn open(folder: &Path) -> Result<Self> {
        let make = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder);
        make.with_context(|| cannot_write(folder))?;
        let folder = folder
            .canonicalize()
            .with_context(|| cannot_write(folder))?;
        let lock = lock(&folder)?;
        let state = Self { folder, lock };
        // Every pod of an earlier run is gone.
        let _ = fs::remove_dir_all(state.path(LOGS));
        state.forget_pods();
        for name in [VOLUMES, LOGS, SCRATCH] {
            fs::create_dir_all(state.path(name)).with_context(|| cannot_write(&state.folder))?;
        }
        Ok(state)
    }

    /// Removes what goes with pods; their logs stay to be read until the next start.
    pub fn forget_pods(&self) {
        let _ = fs::remove_dir_all(self.path(SCRATCH));
        // Earlier labs kept it among the claims, as `scratch_NAMESPACE_POD`; a claim's folder there
        // has one `_`.
        for entry in fs::read_dir(self.path(VOLUMES))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("scratch_") && name.matches('_').count() == 2 {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Notes in the lock where this lab is found, for whoever starts a second one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_holder(&self, dashboard: SocketAddr) -> Result<()> {
        let mut file = &self.lock;
        file.set_len(0)?;
        file.rewind()?;
        let pid = std::process::id();
        Ok(writeln!(file, "pid {pid}, http://{dashboard}")?)
    }

    /// A file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The API's path segment: read, or made on first use.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn secret(&self) -> Result<String> {
        let file = self.path("secret");
        match fs::read_to_string(&file) {
            Ok(text) if is_secret(text.trim()) => Ok(text.trim().to_owned()),
            Ok(_) => bail!(
                "{} holds no secret; delete that file, a new one is made",
                file.display()
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // 122 random bits from the operating system.
                let secret = uuid::Uuid::new_v4().simple().to_string();
                self.write_private("secret", &secret)?;
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Writes a file that only its owner can read; whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_private(&self, name: &str, text: &str) -> Result<()> {
        let unfinished = self.path(&format!("{name}.new"));
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .with_context(|| cannot_write(&self.folder))?;
        file.write_all(text.as_bytes())?;
        fs::rename(&unfinished, self.path(name)).with_context(|| cannot_write(&self.folder))
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| cannot_write(folder))?;
    if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        bail!(
            "another lab ({}) uses {}: stop it with Ctrl-C, or start this one with another --state-dir, --port and --api-port",
            holder.trim(),
            folder.display()
        );
    }
    Ok(file)
}

fn is_secret(text: &str) -> bool {
    text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn cannot_write(folder: &Path) -> String {
    format!(
        "cannot write the state directory {}; choose another with --state-dir",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lab_is_told_who_holds_the_directory_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let held = StateDir::open(folder.path()).unwrap();
        held.note_holder("127.0.0.1:8080".parse().unwrap()).unwrap();
        let error = StateDir::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("pid {}", std::process::id())),
            "{error}"
        );
        assert!(error.contains("http://127.0.0.1:8080"), "{error}");
        assert!(error.contains("--state-dir"), "{error}");
        drop(held);
        StateDir::open(folder.path()).unwrap();
    }

    #[test]
    fn what_pods_left_is_removed_and_what_claims_hold_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let inside = ["scratch/ctx1_u/x", "volumes/scratch_n_p/x"];
        let kept = [
            "volumes/ctx2/n_data",
            "volumes/scratch_data",
            "volumes/n_data",
        ];
        for path in inside.iter().chain(&kept) {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let _state = StateDir::open(folder.path()).unwrap();
        let is_there = |path: &&str| folder.path().join(path).exists();
        assert!(!inside.iter().any(&is_there));
        assert!(kept.iter().all(is_there));
    }

    #[test]
    fn the_secret_is_long_private_and_stays() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let secret = state.secret().unwrap();
        assert_eq!(secret.len(), 32);
        assert_eq!(state.secret().unwrap(), secret);
        let mode = state
            .path("secret")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        state.write_private("secret", "short").unwrap();
        assert!(
            state
                .secret()
                .unwrap_err()
                .to_string()
                .contains("delete that file")
        );
    }
}
