//! Whose request it is, and whether they may.
//!
//! Whoever knows the path is the cluster's administrator. kubectl drops credentials over plain
//! http but still sends whom to act as (`--as`, `--as-group`), so that is where roles take effect.

use std::sync::Arc;

use apimachinery::rbac::{self, Action, Policy, User};
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::options::Query;
use super::target::{Place, Target};
use crate::resource::{Resource, rows};
use crate::status::Status;
use crate::store::Store;

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";

/// The administrator, or whom they act as.
pub(super) fn user(headers: &HeaderMap) -> Result<User, Status> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|it| it.to_str().ok())
            .unwrap_or_default()
    };
    let given = headers
        .get_all(GROUP)
        .iter()
        .filter_map(|it| it.to_str().ok());
    let mut groups: Vec<_> = given.map(str::to_owned).collect();
    let name = text(USER).to_owned();
    match (name.is_empty(), groups.is_empty()) {
        (true, true) => return Ok(administrator()),
        (true, false) => {
            return Err(Status::internal(format!(
                "requested {groups:?} without impersonating a user"
            )));
        }
        (false, true) => groups = groups_of_service_account(&name),
        (false, false) => {}
    }
    let everybody = if name == "system:anonymous" {
        "system:unauthenticated"
    } else {
        "system:authenticated"
    };
    if !groups.iter().any(|group| group == everybody) {
        groups.push(everybody.into());
    }
    Ok(User {
        name,
        uid: text(UID).to_owned(),
        groups,
    })
}

/// Refuses what the user may not do.
pub(super) fn check(
    store: &Store,
    user: &User,
    parts: &Parts,
    target: &Target,
    path: &str,
) -> Result<(), Status> {
    if user.is_master() {
        return Ok(());
    }
    let action = action(parts, target, path);
    match policy(store).allows(user, &action) {
        Some(_) => Ok(()),
        None => Err(rbac::forbidden(user, &action)),
    }
}

/// All objects that grant rights.
pub(super) fn policy(store: &Store) -> Policy<Arc<Value>> {
    let list = |resource: &'static Resource| store.list(resource, None).items;
    Policy {
        cluster_roles: list(&rows::CLUSTER_ROLES),
        cluster_role_bindings: list(&rows::CLUSTER_ROLE_BINDINGS),
        roles: list(&rows::ROLES),
        role_bindings: list(&rows::ROLE_BINDINGS),
    }
}

fn administrator() -> User {
    User {
        name: "admin".into(),
        uid: "admin".into(),
        groups: vec!["system:masters".into(), "system:authenticated".into()],
    }
}

fn groups_of_service_account(name: &str) -> Vec<String> {
    let account = name
        .strip_prefix("system:serviceaccount:")
        .and_then(|it| it.split_once(':'));
    match account {
        Some((namespace, _)) => vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
        ],
        None => Vec::new(),
    }
}

fn action<'a>(parts: &Parts, target: &'a Target, path: &'a str) -> Action<'a> {
    let method = &parts.method;
    match target {
        Target::Collection(place) => on(place, collection_verb(method, &parts.uri), "", ""),
        Target::Object(place, name) => on(place, object_verb(method), name, ""),
        Target::Watch(place, name) => on(place, "watch", name.as_deref().unwrap_or_default(), ""),
        Target::Subresource(place, name, subresource) => {
            on(place, object_verb(method), name, subresource)
        }
        _ => Action {
            verb: object_verb(method),
            path,
            ..Action::default()
        },
    }
}

fn on<'a>(place: &'a Place, verb: &'a str, name: &'a str, subresource: &'a str) -> Action<'a> {
    Action {
        verb,
        group: place.resource.group,
        resource: place.resource.plural,
        subresource,
        namespace: place.namespace.as_deref().unwrap_or_default(),
        name,
        path: "",
    }
}

fn collection_verb(method: &Method, uri: &http::Uri) -> &'static str {
    match *method {
        Method::GET if Query::of(uri).flag("watch") => "watch",
        Method::GET => "list",
        Method::DELETE => "deletecollection",
        _ => object_verb(method),
    }
}

fn object_verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "get",
    }
}
