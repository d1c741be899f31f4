//! Configuration from variables: read once, refused early, named in the error.

use std::collections::BTreeMap;
use std::str::FromStr;

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

    /// The value of `variable`; an empty value counts as absent, as in shell practice.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.0
            .get(variable)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
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
    fn an_error_names_variable_value_cause_and_what_to_do() {
        let env = Env::from([("PORT", "eighty")]);
        let error = env.parse_or("PORT", 1_u16, "a port number").unwrap_err();
        assert_eq!(
            error.to_string(),
            "PORT=\"eighty\" cannot be used: invalid digit found in string; set PORT to a port number"
        );
    }
}
