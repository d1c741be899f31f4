use std::fmt;
use std::path::PathBuf;

/// What a store is built with; the default is an empty store in memory, open to all of loopback.
#[derive(Clone)]
pub struct Config {
    /// Where writes are kept. `None`: in memory only, gone with the process.
    pub append_file: Option<PathBuf>,
    /// The password that `AUTH` and `HELLO … AUTH default` ask for. `None`: no password.
    pub password: Option<String>,
    /// Connections at the same time; one more gets an error and is closed. Default 1,024.
    pub max_connections: usize,
    /// Size of the append file, in bytes, below which it is never rewritten. Default 64 MiB.
    /// Above, it is rewritten when it is also twice as large as the last rewrite left it.
    pub rewrite_above: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            append_file: None,
            password: None,
            max_connections: 1024,
            rewrite_above: 64 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            append_file,
            password,
            max_connections,
            rewrite_above,
        } = self;
        f.debug_struct("Config")
            .field("append_file", append_file)
            .field("password", &password.as_ref().map(|_| "(set)"))
            .field("max_connections", max_connections)
            .field("rewrite_above", rewrite_above)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_printed() {
        let config = Config {
            password: Some("open sesame".into()),
            ..Config::default()
        };
        let text = format!("{config:?}");
        assert!(text.contains("(set)") && !text.contains("sesame"), "{text}");
    }
}
