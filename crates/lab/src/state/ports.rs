//! Ports survive a restart, so that a kubeconfig and a redis-cli line stay true.

use std::collections::BTreeMap;
use std::fs;

use super::StateDir;

/// Ports by purpose, `api` or `redis`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(BTreeMap<String, u16>);

impl Ports {
    /// Those of the last run; none where they cannot be read.
    pub fn load(state: &StateDir) -> Self {
        let text = fs::read_to_string(state.path("ports")).unwrap_or_default();
        Self(serde_json::from_str(&text).unwrap_or_default())
    }

    /// The port to prefer; 0 = any.
    pub fn get(&self, purpose: &str) -> u16 {
        self.0.get(purpose).copied().unwrap_or(0)
    }

    /// Notes the port in use; writes only when it changed.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn set(&mut self, state: &StateDir, purpose: &str, port: u16) -> anyhow::Result<()> {
        if self.0.insert(purpose.to_owned(), port) == Some(port) {
            return Ok(());
        }
        state.write_private("ports", &serde_json::to_string(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_come_back_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(folder.path()).unwrap();
        let mut ports = Ports::load(&state);
        assert_eq!(ports.get("redis"), 0);
        ports.set(&state, "redis", 6390).unwrap();
        assert_eq!(Ports::load(&state).get("redis"), 6390);
        state.write_private("ports", "nonsense").unwrap();
        assert_eq!(Ports::load(&state), Ports::default());
    }
}
