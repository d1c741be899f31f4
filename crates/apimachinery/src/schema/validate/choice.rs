//! `anyOf`, `oneOf`, `allOf` and `not`: schemas that a value is held against besides its own.

use serde_json::Value;

use super::node::Node;
use super::structure;
use crate::status::Cause;

/// Adds the faults of all four, in the order of a real server.
pub(super) fn check(node: &Node, path: &str, found: &Value, out: &mut Vec<Cause>) {
    at_least_one(path, judge(&node.any_of, path, found), out);
    exactly_one(path, judge(&node.one_of, path, found), out);
    all(path, judge(&node.all_of, path, found), out);
    let not = node.not.as_deref().map(std::slice::from_ref);
    if judge(not.unwrap_or_default(), path, found).fitting == 1 {
        out.push(refused(path, "not validate the schema (not)"));
    }
}

/// What each of several schemas says about one value.
struct Judged {
    faults: Vec<Vec<Cause>>,
    fitting: usize,
}

fn judge(schemas: &[Node], path: &str, found: &Value) -> Judged {
    let each = schemas
        .iter()
        .map(|schema| structure::faults(schema, path, found));
    let faults: Vec<_> = each.collect();
    let fitting = faults.iter().filter(|it| it.is_empty()).count();
    Judged { faults, fitting }
}

impl Judged {
    /// Where no alternative fits, the faults of one tell what to mend. A real server takes the one
    /// that got furthest; here it is the first.
    fn nearest(self) -> Vec<Cause> {
        self.faults.into_iter().next().unwrap_or_default()
    }
}

fn at_least_one(path: &str, judged: Judged, out: &mut Vec<Cause>) {
    if judged.fitting == 0 && !judged.faults.is_empty() {
        out.push(refused(path, "validate at least one schema (anyOf)"));
        out.extend(judged.nearest());
    }
}

fn exactly_one(path: &str, judged: Judged, out: &mut Vec<Cause>) {
    if judged.fitting == 1 || judged.faults.is_empty() {
        return;
    }
    let count = match judged.fitting {
        0 => "none valid".to_owned(),
        count => format!("{count} valid alternatives"),
    };
    let what = format!("validate one and only one schema (oneOf). Found {count}");
    out.push(refused(path, &what));
    if judged.fitting == 0 {
        out.extend(judged.nearest());
    }
}

fn all(path: &str, judged: Judged, out: &mut Vec<Cause>) {
    if judged.fitting == judged.faults.len() {
        return;
    }
    let none = if judged.fitting == 0 {
        ". None validated"
    } else {
        ""
    };
    out.extend(judged.faults.into_iter().flatten());
    out.push(refused(
        path,
        &format!("validate all the schemas (allOf){none}"),
    ));
}

fn refused(path: &str, what: &str) -> Cause {
    Cause::invalid("<nil>", "", format!("{path:?} must {what}"))
}
