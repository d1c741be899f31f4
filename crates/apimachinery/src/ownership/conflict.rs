//! Fields that an apply wants and others own.

use super::managers::{Manager, Operation};
use super::path::shown;
use super::set::Set;
use crate::status::{Cause, Details, Status};

/// What each of the other managers owns of what an apply would change, by their order in messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Conflicts(pub(super) Vec<(Manager, String, Set)>);

impl Conflicts {
    /// Those outside a set.
    pub(super) fn outside(self, allowed: &Set) -> Self {
        let left = self
            .0
            .into_iter()
            .map(|(manager, version, set)| (manager, version, set.difference(allowed)));
        Self(left.filter(|(_, _, set)| !set.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// 409 with a cause a field, and the sentence kubectl prints.
    pub(super) fn status(&self) -> Status {
        let mut causes = Vec::new();
        let mut groups = Vec::new();
        for (manager, version, set) in &self.0 {
            let who = described(manager, version);
            let paths: Vec<_> = set.paths().iter().map(|path| shown(path)).collect();
            let lines: String = paths.iter().map(|path| format!("\n- {path}")).collect();
            groups.push(format!("conflicts with {who}:{lines}"));
            causes.extend(paths.into_iter().map(|path| {
                Cause::new("FieldManagerConflict", format!("conflict with {who}"), path)
            }));
        }
        let message = match causes.as_slice() {
            [only] => format!(
                "Apply failed with 1 conflict: {}: {}",
                only.message(),
                only.field()
            ),
            many => format!(
                "Apply failed with {} conflicts: {}",
                many.len(),
                groups.join("\n")
            ),
        };
        Status::failure(409, message)
            .reason("Conflict")
            .details(Details {
                causes,
                ..Details::default()
            })
    }
}

fn described(manager: &Manager, version: &str) -> String {
    let mut text = format!("{:?}", manager.name);
    if !manager.subresource.is_empty() {
        text += &format!(" with subresource {:?}", manager.subresource);
    }
    if manager.operation == Operation::Update {
        text += &format!(" using {version}");
    }
    text
}
