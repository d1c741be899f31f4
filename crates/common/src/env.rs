//! Configuration from variables: read once, refused early, named in the error.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// Variable of whoever runs a container without a file system of its own: the folder that stands
/// for `/`, so that paths in other variables stay as the manifest has them.
pub const CONTAINER_ROOT: &str = "CONTAINER_ROOT";

/// A snapshot of the process environment; tests pass a map instead.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, String>);

/// A variable that cannot be used. The process leaves with exit code 64 (`EX_USAGE`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}={value:?} cannot be used: {cause}; set {variable} to {expected}")]
pub struct ConfigError {
    /// Name of the variable.
    pub variable: &'static str,
    /// The value as found; never that of a secret.
    pub value: String,
    /// What is wrong with it.
    pub cause: String,
    /// What would be accepted.
    pub expected: &'static str,
}

impl Env {
    /// The environment of this process, as it is now.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// With one more variable.
    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.0.insert(variable.to_owned(), value.to_owned());
        self
    }

    /// The value of `variable`; an empty value counts as absent, as in shell practice.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.0
            .get(variable)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The path in `variable`; below [`CONTAINER_ROOT`] where that is set, and then never out of it.
    pub fn path(&self, variable: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.get(variable)?);
        let Some(root) = self.get(CONTAINER_ROOT) else {
            return Some(path);
        };
        let named = path.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part),
            _ => None,
        });
        let leaves = path.components().any(|part| part == Component::ParentDir);
        (!leaves).then(|| Path::new(root).join(named.collect::<PathBuf>()))
    }

    /// The value of `variable`, or `default`.
    pub fn get_or<'a>(&'a self, variable: &str, default: &'a str) -> &'a str {
        self.get(variable).unwrap_or(default)
    }

    /// The parsed value of `variable`, or `default` where it is absent.
    ///
    /// # Errors
    /// When the value does not parse; `expected` says what would.
    pub fn parse_or<T>(
        &self,
        variable: &'static str,
        default: T,
        expected: &'static str,
    ) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        match self.get(variable) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|error: T::Err| ConfigError {
                variable,
                value: value.to_owned(),
                cause: error.to_string(),
                expected,
            }),
        }
    }
}

impl FromIterator<(String, String)> for Env {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Env {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_counts_as_absent() {
        let env = Env::from([("PORT", "")]);
        assert_eq!(env.get("PORT"), None);
        assert_eq!(env.parse_or("PORT", 8081_u16, "a port"), Ok(8081));
    }

    #[test]
    fn a_path_is_below_the_containers_root_where_there_is_one() {
        let path = |pairs: [(&str, &str); 2]| Env::from(pairs).path("UI_DIR");
        let root = (CONTAINER_ROOT, "/pods/1");
        assert_eq!(path([("UI_DIR", "/ui"), ("PORT", "1")]), Some("/ui".into()));
        assert_eq!(path([("UI_DIR", "/ui"), root]), Some("/pods/1/ui".into()));
        assert_eq!(path([("UI_DIR", "/ui/../../../etc"), root]), None);
    }

    #[test]
    fn an_error_names_variable_value_cause_and_what_to_do() {
        let env = Env::from([("PORT", "eighty")]);
        let error = env.parse_or("PORT", 1_u16, "a port number").unwrap_err();
        assert_eq!(
            error.to_string(),
            "PORT=\"eighty\" cannot be used: invalid digit found in string; set PORT to a port number"
        );
    }
}
