//! Questions about rights and identity, asked as objects that are answered and never stored.

use apimachinery::rbac::{Action, User};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::draft::{self, Draft};
use super::target::Place;
use super::{Call, authorize, reply};
use crate::object;
use crate::resource::{Resource, rows};
use crate::status::Status;

/// Answers one question; the value is the review's status.
type Answer = fn(&Call<'_>, &Value) -> Value;

const QUESTIONS: &[(&Resource, Answer)] = &[
    (&rows::LOCAL_SUBJECT_ACCESS_REVIEWS, somebodys_access),
    (&rows::SELF_SUBJECT_ACCESS_REVIEWS, own_access),
    (&rows::SELF_SUBJECT_REVIEWS, own_identity),
    (&rows::SELF_SUBJECT_RULES_REVIEWS, own_rules),
    (&rows::SUBJECT_ACCESS_REVIEWS, somebodys_access),
];

/// Answers a kind that can only be created; none where it can be more than asked.
pub(super) fn serve(call: &Call<'_>, place: &Place) -> Option<Result<Response, Status>> {
    let (_, answer) = QUESTIONS.iter().find(|(row, _)| **row == *place.resource)?;
    Some(draft::object(call, place, None).map(|draft| {
        let Draft {
            mut object,
            warnings,
        } = draft;
        let status = answer(call, &object);
        let members = object::map_mut(&mut object);
        members.insert("kind".into(), place.resource.kind.into());
        members.insert("apiVersion".into(), place.api_version().into());
        members.insert("status".into(), status);
        reply::with_warnings(reply::json(StatusCode::CREATED, &object), &warnings)
    }))
}

fn own_identity(call: &Call<'_>, _: &Value) -> Value {
    let User { name, uid, groups } = &call.user;
    let mut info = json!({"username": name, "groups": groups});
    if !uid.is_empty() {
        info["uid"] = uid.as_str().into();
    }
    json!({"userInfo": info})
}

fn own_access(call: &Call<'_>, review: &Value) -> Value {
    access(call, &call.user, review)
}

fn somebodys_access(call: &Call<'_>, review: &Value) -> Value {
    let groups = object::at(review, &["spec", "groups"]).and_then(Value::as_array);
    let groups = groups.into_iter().flatten().filter_map(Value::as_str);
    let user = User {
        name: object::text(review, &["spec", "user"]).to_owned(),
        uid: object::text(review, &["spec", "uid"]).to_owned(),
        groups: groups.map(str::to_owned).collect(),
    };
    access(call, &user, review)
}

fn access(call: &Call<'_>, user: &User, review: &Value) -> Value {
    let of_resource = |name: &str| object::text(review, &["spec", "resourceAttributes", name]);
    let of_path = |name: &str| object::text(review, &["spec", "nonResourceAttributes", name]);
    let action = Action {
        verb: Some(of_resource("verb"))
            .filter(|it| !it.is_empty())
            .unwrap_or(of_path("verb")),
        group: of_resource("group"),
        resource: of_resource("resource"),
        subresource: of_resource("subresource"),
        namespace: of_resource("namespace"),
        name: of_resource("name"),
        path: of_path("path"),
    };
    match authorize::policy(&call.cluster.store).allows(user, &action) {
        Some(reason) if reason.is_empty() => json!({"allowed": true}),
        Some(reason) => json!({"allowed": true, "reason": reason}),
        None => json!({"allowed": false}),
    }
}

/// Rules as `kubectl auth can-i --list` shows them.
fn own_rules(call: &Call<'_>, review: &Value) -> Value {
    let all = ["*"];
    if call.user.is_master() {
        return json!({
            "resourceRules": [{"verbs": all, "apiGroups": all, "resources": all}],
            "nonResourceRules": [{"verbs": all, "nonResourceURLs": all}],
            "incomplete": false,
        });
    }
    let policy = authorize::policy(&call.cluster.store);
    let rules = policy.rules(&call.user, object::text(review, &["spec", "namespace"]));
    let (paths, resources): (Vec<_>, Vec<_>) = rules
        .into_iter()
        .partition(|rule| rule.get("nonResourceURLs").is_some());
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}
