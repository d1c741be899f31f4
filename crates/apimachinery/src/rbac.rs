//! Who may do what: Kubernetes' role-based access control, as a pure function of its objects.

use serde_json::Value;

use crate::object;
use crate::status::{Details, Status};

/// Whoever asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct User {
    /// Name.
    pub name: String,
    /// Unique id; empty where it is not known.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Action<'a> {
    /// `get`, `list`, …
    pub verb: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Plural resource; empty for a path outside the resources.
    pub resource: &'a str,
    /// Subresource; empty for the resource itself.
    pub subresource: &'a str,
    /// Namespace; empty for all of them and for cluster-scoped kinds.
    pub namespace: &'a str,
    /// Object; empty for a collection.
    pub name: &'a str,
    /// The path, where no resource is named.
    pub path: &'a str,
}

/// The objects that grant rights: any order, those of all namespaces.
#[derive(Clone, Debug, Default)]
pub struct Policy<T> {
    /// ClusterRoles.
    pub cluster_roles: Vec<T>,
    /// ClusterRoleBindings.
    pub cluster_role_bindings: Vec<T>,
    /// Roles.
    pub roles: Vec<T>,
    /// RoleBindings.
    pub role_bindings: Vec<T>,
}

/// One rule that holds for a user, and what gave it.
struct Granted<'a> {
    rule: &'a Value,
    binding: &'a Value,
}

/// Kubernetes: its members may do everything, whatever the roles say.
const MASTERS: &str = "system:masters";

impl User {
    /// Whether nothing is forbidden.
    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }
}

impl<T: AsRef<Value>> Policy<T> {
    /// Whether the user may, and by which binding; an empty reason for those who may everything.
    pub fn allows(&self, user: &User, action: &Action<'_>) -> Option<String> {
        if user.is_master() {
            return Some(String::new());
        }
        let granted = self.granted(user, action.namespace);
        let found = granted.into_iter().find(|it| covers(it.rule, action))?;
        Some(reason(found.binding, user))
    }

    /// All rules that hold for the user in a namespace.
    pub fn rules(&self, user: &User, namespace: &str) -> Vec<&Value> {
        self.granted(user, namespace)
            .into_iter()
            .map(|it| it.rule)
            .collect()
    }

    fn granted(&self, user: &User, namespace: &str) -> Vec<Granted<'_>> {
        let local = |binding: &&T| {
            !namespace.is_empty() && object::namespace(AsRef::as_ref(*binding)) == namespace
        };
        let everywhere = self.cluster_role_bindings.iter();
        everywhere
            .chain(self.role_bindings.iter().filter(local))
            .map(AsRef::as_ref)
            .filter(|binding| bound(binding, user).is_some())
            .flat_map(|binding| {
                let role = self.role(binding);
                let rules = role
                    .and_then(|role| role.get("rules"))
                    .and_then(Value::as_array);
                rules
                    .into_iter()
                    .flatten()
                    .map(move |rule| Granted { rule, binding })
            })
            .collect()
    }

    fn role(&self, binding: &Value) -> Option<&Value> {
        let name = object::text(binding, &["roleRef", "name"]);
        let (roles, namespace) = match object::text(binding, &["roleRef", "kind"]) {
            "Role" => (&self.roles, object::namespace(binding)),
            _ => (&self.cluster_roles, ""),
        };
        let mut roles = roles.iter().map(AsRef::as_ref);
        roles.find(|role| object::name(role) == name && object::namespace(role) == namespace)
    }
}

/// The subject of a binding that the user is.
fn bound<'a>(binding: &'a Value, user: &User) -> Option<&'a Value> {
    let subjects = binding.get("subjects").and_then(Value::as_array);
    subjects.into_iter().flatten().find(|subject| {
        let text = |field| object::text(subject, &[field]);
        match text("kind") {
            "User" => text("name") == user.name,
            "Group" => user.groups.iter().any(|group| group == text("name")),
            "ServiceAccount" => {
                let namespace = match text("namespace") {
                    "" => object::namespace(binding),
                    given => given,
                };
                user.name == format!("system:serviceaccount:{namespace}:{}", text("name"))
            }
            _ => false,
        }
    })
}

fn covers(rule: &Value, action: &Action<'_>) -> bool {
    let list = |field: &str| {
        rule.get(field)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let any = |field: &str, wanted: &str| list(field).iter().any(|it| *it == "*" || *it == wanted);
    if !any("verbs", action.verb) {
        return false;
    }
    if action.resource.is_empty() {
        return list("nonResourceURLs")
            .iter()
            .filter_map(Value::as_str)
            .any(|url| covers_path(url, action.path));
    }
    let names = list("resourceNames");
    any("apiGroups", action.group)
        && list("resources")
            .iter()
            .filter_map(Value::as_str)
            .any(|it| covers_resource(it, action))
        && (names.is_empty() || names.iter().any(|name| *name == action.name))
}

fn covers_path(url: &str, path: &str) -> bool {
    match url.strip_suffix('*') {
        Some(start) => path.starts_with(start),
        None => url == path,
    }
}

/// `*`, `pods`, `pods/log`, `*/scale`.
fn covers_resource(granted: &str, action: &Action<'_>) -> bool {
    let (resource, subresource) = granted.split_once('/').unwrap_or((granted, ""));
    granted == "*"
        || (subresource == action.subresource && (resource == "*" || resource == action.resource))
}

fn reason(binding: &Value, user: &User) -> String {
    let text = |path: &[&str]| object::text(binding, path).to_owned();
    let (namespace, name) = (object::namespace(binding), object::name(binding));
    let (kind, shown) = match namespace {
        "" => ("ClusterRoleBinding", name.to_owned()),
        namespace => ("RoleBinding", format!("{name}/{namespace}")),
    };
    let (role_kind, role) = (text(&["roleRef", "kind"]), text(&["roleRef", "name"]));
    let subject = bound(binding, user).unwrap_or(&Value::Null);
    let of = |field| object::text(subject, &[field]);
    let whom = match of("kind") {
        "ServiceAccount" => format!("{}/{}", of("name"), of("namespace")),
        _ => of("name").to_owned(),
    };
    let (kind_of_subject, role) = (of("kind"), format!("{role:?}"));
    format!("RBAC: allowed by {kind} {shown:?} of {role_kind} {role} to {kind_of_subject} {whom:?}")
}

/// 403 for a user who may not.
pub fn forbidden(user: &User, action: &Action<'_>) -> Status {
    let (who, verb) = (&user.name, action.verb);
    if action.resource.is_empty() {
        let message = format!(
            "forbidden: User {who:?} cannot {verb} path {:?}",
            action.path
        );
        return Status::failure(403, message)
            .reason("Forbidden")
            .details(Details::default());
    }
    let dotted = |plural: &str| match action.group {
        "" => plural.to_owned(),
        group => format!("{plural}.{group}"),
    };
    let object = match action.name {
        "" => String::new(),
        name => format!(" {name:?}"),
    };
    let resource = match action.subresource {
        "" => action.resource.to_owned(),
        subresource => format!("{}/{subresource}", action.resource),
    };
    let scope = match action.namespace {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let message = format!(
        "{}{object} is forbidden: User {who:?} cannot {verb} resource {resource:?} in API group {:?} {scope}",
        dotted(action.resource),
        action.group,
    );
    Status::failure(403, message)
        .reason("Forbidden")
        .details(Details {
            name: action.name.into(),
            group: action.group.into(),
            kind: action.resource.into(),
            ..Details::default()
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn jane() -> User {
        User {
            name: "jane".into(),
            groups: vec!["dev".into()],
            ..User::default()
        }
    }

    fn policy(rule: Value, subject: Value) -> Policy<Arc<Value>> {
        let role = json!({"metadata": {"name": "r", "namespace": "shop"}, "rules": [rule]});
        let binding = json!({
            "metadata": {"name": "b", "namespace": "shop"},
            "roleRef": {"kind": "Role", "name": "r"}, "subjects": [subject],
        });
        Policy {
            roles: vec![Arc::new(role)],
            role_bindings: vec![Arc::new(binding)],
            ..Policy::default()
        }
    }

    fn get_pods(namespace: &str) -> Action<'_> {
        Action {
            verb: "get",
            resource: "pods",
            namespace,
            name: "p",
            ..Action::default()
        }
    }

    #[test]
    fn a_role_counts_in_its_namespace_for_its_subjects() {
        let rule = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]});
        for (subject, allowed) in [
            (json!({"kind": "User", "name": "jane"}), true),
            (json!({"kind": "Group", "name": "dev"}), true),
            (json!({"kind": "User", "name": "joe"}), false),
            (json!({"kind": "ServiceAccount", "name": "jane"}), false),
        ] {
            let policy = policy(rule.clone(), subject);
            assert_eq!(policy.allows(&jane(), &get_pods("shop")).is_some(), allowed);
            assert!(policy.allows(&jane(), &get_pods("other")).is_none());
        }
    }

    #[test]
    fn a_rule_covers_what_it_names() {
        let subject = json!({"kind": "User", "name": "jane"});
        for (rule, allowed) in [
            (
                json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}),
                true,
            ),
            (
                json!({"apiGroups": ["apps"], "resources": ["pods"], "verbs": ["get"]}),
                false,
            ),
            (
                json!({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]}),
                false,
            ),
            (
                json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["p"]}),
                true,
            ),
            (
                json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["q"]}),
                false,
            ),
            (json!({"nonResourceURLs": ["*"], "verbs": ["*"]}), false),
        ] {
            let found = policy(rule.clone(), subject.clone()).allows(&jane(), &get_pods("shop"));
            assert_eq!(found.is_some(), allowed, "{rule}");
        }
    }

    #[test]
    fn masters_may_everything() {
        let user = User {
            groups: vec![MASTERS.into()],
            ..User::default()
        };
        assert_eq!(
            Policy::<Arc<Value>>::default().allows(&user, &get_pods("x")),
            Some(String::new())
        );
    }

    #[test]
    fn a_refusal_names_user_verb_and_place() {
        let scale = Action {
            verb: "patch",
            group: "apps",
            resource: "deployments",
            subresource: "scale",
            namespace: "a",
            name: "d",
            ..Action::default()
        };
        for (action, message) in [
            (
                scale,
                r#"deployments.apps "d" is forbidden: User "jane" cannot patch resource "deployments/scale" in API group "apps" in the namespace "a""#,
            ),
            (
                Action {
                    verb: "list",
                    resource: "nodes",
                    ..Action::default()
                },
                r#"nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope"#,
            ),
            (
                Action {
                    verb: "get",
                    path: "/x",
                    ..Action::default()
                },
                r#"forbidden: User "jane" cannot get path "/x""#,
            ),
        ] {
            assert_eq!(forbidden(&jane(), &action).message(), message);
        }
    }
}
