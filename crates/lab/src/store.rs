//! What stands for the redis image on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// `--redis`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// redis-server or valkey-server on PATH where there is one, else the embedded store.
    #[default]
    Auto,
    /// The embedded store.
    Embedded,
    /// A store that runs already.
    External(SocketAddr),
}

/// A decided [`Choice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A program found on PATH, held by a process of ours.
    Program(PathBuf),
    /// This binary.
    Embedded,
    /// Somebody else's; the pod is only its address.
    External(SocketAddr),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "embedded" => Ok(Self::Embedded),
            other => {
                let address = other
                    .strip_prefix("redis://")
                    .ok_or("write auto, embedded or redis://ADDRESS:PORT")?;
                let parsed = address
                    .trim_end_matches('/')
                    .replace("localhost", "127.0.0.1")
                    .parse();
                parsed
                    .map(Self::External)
                    .map_err(|_| format!("{address:?} is no address:port"))
            }
        }
    }
}

impl Choice {
    /// Decides with the folders of PATH.
    pub fn decide(&self, path: Option<&std::ffi::OsStr>) -> Backend {
        match self {
            Self::Embedded => Backend::Embedded,
            Self::External(address) => Backend::External(*address),
            Self::Auto => find(path).map_or(Backend::Embedded, Backend::Program),
        }
    }
}

impl Backend {
    /// How it is called in the lab's first lines.
    pub fn name(&self) -> String {
        match self {
            Self::Program(path) => path.display().to_string(),
            Self::Embedded => "embedded".to_owned(),
            Self::External(address) => format!("redis://{address}"),
        }
    }
}

fn find(path: Option<&std::ffi::OsStr>) -> Option<PathBuf> {
    let folders: Vec<PathBuf> = std::env::split_paths(path?).collect();
    ["redis-server", "valkey-server"].iter().find_map(|name| {
        let mut files = folders.iter().map(|folder| folder.join(name));
        files.find(|file| is_program(file))
    })
}

fn is_program(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_store_is_chosen_by_word_or_address() {
        assert_eq!("auto".parse(), Ok(Choice::Auto));
        assert_eq!("embedded".parse(), Ok(Choice::Embedded));
        let external = Choice::External("127.0.0.1:6379".parse().unwrap());
        assert_eq!("redis://localhost:6379/".parse(), Ok(external));
        assert!("redis.example.com".parse::<Choice>().is_err());
    }

    #[test]
    fn without_a_program_on_path_the_store_is_embedded() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().as_os_str());
        assert_eq!(Choice::Auto.decide(path), Backend::Embedded);
        let program = folder.path().join("valkey-server");
        std::fs::write(&program, "").unwrap();
        assert_eq!(
            Choice::Auto.decide(path),
            Backend::Embedded,
            "it is no program"
        );
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(Choice::Auto.decide(path), Backend::Program(program));
    }
}
