//! Where in an object a fault is, written only when there is one.

use std::fmt;

/// A path of steps from the object down.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// The object itself.
    pub fn root() -> Self {
        Self {
            parent: None,
            step: Step::Root,
        }
    }

    /// A member.
    pub fn field(&'a self, name: &'a str) -> Self {
        self.then(Step::Field(name))
    }

    /// An element of a list.
    pub fn index(&'a self, at: usize) -> Self {
        self.then(Step::Index(at))
    }

    /// A value of a map with free keys.
    pub fn key(&'a self, key: &'a str) -> Self {
        self.then(Step::Key(key))
    }

    /// Whether it is the object itself.
    pub fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }

    fn then(&'a self, step: Step<'a>) -> Self {
        Self {
            parent: Some(self),
            step,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else {
            return Ok(());
        };
        parent.fmt(f)?;
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) if parent.is_root() => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Index(at) => write!(f, "[{at}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_kubernetes_does() {
        let root = Path::root();
        let (spec, data) = (root.field("spec"), root.field("data"));
        let ports = spec.field("ports");
        let port = ports.index(0);
        assert_eq!(port.field("name").to_string(), "spec.ports[0].name");
        assert_eq!(data.key("tls.crt").to_string(), "data[tls.crt]");
        assert_eq!(root.to_string(), "");
    }
}
