//! Which form of an answer the Accept header asks for.
//!
//! `application/json;as=Table;v=v1;g=meta.k8s.io,application/json`: media ranges, the best first;
//! the parameters of a range ask for another form than the object itself.

use super::options::Query;
use super::target::Place;
use crate::resource::Resource;
use crate::status::{Cause, Status};
use crate::view::{Form, Include, MetaVersion, View};

/// What a request is about: not every form fits each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// One object.
    Object,
    /// A list of objects.
    List,
    /// A stream of events.
    Watch,
}

/// What one media range asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    Whole,
    Metadata(MetaVersion),
    MetadataList(MetaVersion),
    Table(MetaVersion),
}

/// The media types that are written.
const WRITTEN: &str = "application/json";

/// How the client wants to see what is at a place.
///
/// # Errors
/// No form it accepts is there, or the options of a table are wrong.
pub(super) fn view(
    accept: Option<&str>,
    query: &Query,
    place: &Place,
    asked: Asked,
) -> Result<View, Status> {
    let wanted = match accept.filter(|accept| !accept.trim().is_empty()) {
        Some(accept) => best(accept).ok_or_else(|| {
            let message = format!("only the following media types are accepted: {WRITTEN}");
            Status::not_acceptable(message)
        })?,
        None => Wanted::Whole,
    };
    let form = match (wanted, asked) {
        (Wanted::Whole, _) => Form::Whole,
        (Wanted::Table(meta), _) => Form::Table(meta, include(query)?),
        (Wanted::Metadata(_), Asked::List) => return Err(no_such_form(place.resource, asked)),
        (Wanted::MetadataList(_), Asked::Object) => {
            return Err(no_such_form(place.resource, asked));
        }
        (Wanted::Metadata(meta) | Wanted::MetadataList(meta), _) => Form::Metadata(meta),
    };
    Ok(View {
        form,
        ..View::whole(place.resource, place.version)
    })
}

/// The first range that can be served, in the order of their qualities.
fn best(accept: &str) -> Option<Wanted> {
    let mut ranges: Vec<_> = accept.split(',').map(Range::parse).collect();
    ranges.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    ranges
        .iter()
        .filter(|range| range.quality > 0.0)
        .find_map(Range::wanted)
}

struct Range<'a> {
    media_type: &'a str,
    quality: f32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
        let quality = parameters.iter().find(|(name, _)| *name == "q");
        let quality = quality.map_or(1.0, |(_, value)| value.parse().unwrap_or(1.0));
        Self {
            media_type,
            quality,
            parameters,
        }
    }

    fn parameter(&self, name: &str) -> &'a str {
        let found = self.parameters.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }

    fn wanted(&self) -> Option<Wanted> {
        let known = [WRITTEN, "application/*", "*/*"];
        let written = known
            .iter()
            .any(|known| self.media_type.eq_ignore_ascii_case(known));
        let streamed = matches!(self.parameter("stream"), "" | "watch");
        if !written || !streamed || !self.parameter("sv").is_empty() {
            return None;
        }
        let meta = match (self.parameter("g"), self.parameter("v")) {
            ("", "") if self.parameter("as").is_empty() => return Some(Wanted::Whole),
            ("meta.k8s.io", "v1") => MetaVersion::V1,
            ("meta.k8s.io", "v1beta1") => MetaVersion::V1Beta1,
            _ => return None,
        };
        match self.parameter("as") {
            "Table" => Some(Wanted::Table(meta)),
            "PartialObjectMetadata" => Some(Wanted::Metadata(meta)),
            "PartialObjectMetadataList" => Some(Wanted::MetadataList(meta)),
            _ => None,
        }
    }
}

fn include(query: &Query) -> Result<Include, Status> {
    match query.get("includeObject").unwrap_or_default() {
        "" | "Metadata" => Ok(Include::Metadata),
        "Object" => Ok(Include::Object),
        "None" => Ok(Include::None),
        other => {
            let why = "must be 'Metadata', 'Object', 'None', or empty";
            let cause = Cause::invalid("includeObject", other, why);
            let message = format!("Unable to convert to Table as requested: {cause}");
            Err(Status::bad_request(message))
        }
    }
}

/// Kubernetes names the Go type of what it has instead.
fn no_such_form(resource: &Resource, asked: Asked) -> Status {
    let package = resource.group.split('.').next().unwrap_or_default();
    let (package, kind) = match package {
        _ if resource.custom => ("unstructured", "Unstructured"),
        "" => ("core", resource.kind),
        package => (package, resource.kind),
    };
    Status::not_acceptable(if asked == Asked::List {
        format!(
            "you requested PartialObjectMetadata, but the requested object is a list (*{package}.{kind}List)"
        )
    } else {
        format!(
            "you requested PartialObjectMetadataList, but the requested object is not a list (*{package}.{kind})"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::rows;

    const KUBECTL: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

    fn form(accept: &str, query: &str, asked: Asked) -> Result<Form, Status> {
        let place = Place {
            resource: &rows::PODS,
            version: "v1",
            namespace: None,
        };
        let query = Query::of(&format!("/x?{query}").parse().unwrap());
        view(Some(accept), &query, &place, asked).map(|view| view.form)
    }

    #[test]
    fn the_first_range_that_fits_is_served() {
        let table = Form::Table(MetaVersion::V1, Include::Metadata);
        let old_table = Form::Table(MetaVersion::V1Beta1, Include::Metadata);
        for (accept, expected) in [
            (KUBECTL, table),
            ("application/json", Form::Whole),
            ("", Form::Whole),
            ("*/*", Form::Whole),
            ("Application/*;q=0.1", Form::Whole),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Form::Whole,
            ),
            (
                "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json",
                Form::Whole,
            ),
            (
                "application/json;as=Table;v=v2;g=meta.k8s.io,application/json",
                Form::Whole,
            ),
            (
                "application/json;as=Pod;v=v1;g=meta.k8s.io,application/json",
                Form::Whole,
            ),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
                old_table,
            ),
            (
                "application/json;q=0.5,application/json;as=Table;v=v1;g=meta.k8s.io;q=0.9",
                table,
            ),
            ("application/json;stream=watch", Form::Whole),
        ] {
            assert_eq!(form(accept, "", Asked::List), Ok(expected), "{accept}");
        }
    }

    #[test]
    fn nothing_that_fits_is_not_acceptable() {
        for accept in [
            "text/html",
            "application/vnd.kubernetes.protobuf",
            "application/json;q=0",
            "application/json;as=Table",
            "application/json;stream=other",
        ] {
            let refusal = form(accept, "", Asked::List).unwrap_err();
            let expected = "only the following media types are accepted: application/json";
            assert_eq!(
                (refusal.code(), refusal.message()),
                (406, expected),
                "{accept}"
            );
        }
    }

    #[test]
    fn bare_metadata_is_of_an_object_or_of_a_list() {
        let one = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        let list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        let metadata = Ok(Form::Metadata(MetaVersion::V1));
        assert_eq!(form(one, "", Asked::Object), metadata);
        assert_eq!(form(one, "", Asked::Watch), metadata);
        assert_eq!(form(list, "", Asked::List), metadata);
        assert_eq!(
            form(one, "", Asked::List).unwrap_err().message(),
            "you requested PartialObjectMetadata, but the requested object is a list (*core.PodList)"
        );
        assert_eq!(
            form(list, "", Asked::Object).unwrap_err().message(),
            "you requested PartialObjectMetadataList, but the requested object is not a list (*core.Pod)"
        );
    }

    #[test]
    fn rows_carry_what_the_query_says() {
        for (query, include) in [
            ("includeObject=Object", Include::Object),
            ("includeObject=None", Include::None),
            ("includeObject=", Include::Metadata),
        ] {
            let expected = Form::Table(MetaVersion::V1, include);
            assert_eq!(form(KUBECTL, query, Asked::List), Ok(expected));
        }
        assert_eq!(
            form(KUBECTL, "includeObject=All", Asked::List)
                .unwrap_err()
                .message(),
            r#"Unable to convert to Table as requested: includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty"#
        );
        assert_eq!(
            form("*/*", "includeObject=All", Asked::List),
            Ok(Form::Whole)
        );
    }
}
