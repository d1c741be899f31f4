//! The API document of a collection (OpenAPI 3.1), from the same types that are served.

use utoipa::ToSchema;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem,
    PathsBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
};

use super::Record;
use crate::problem::{FieldError, Problem};

/// The document of the four calls of `R`.
pub fn document<R: Record>(service: &str) -> OpenApi {
    let (kind, path) = (R::KIND, format!("/{}/", R::COLLECTION));
    let mut collection = PathItem::new(HttpMethod::Get, list::<R>());
    collection.post = Some(create::<R>());
    let mut one = PathItem::new(
        HttpMethod::Get,
        operation(format!("Read one {kind}"))
            .parameter(path_parameter("id"))
            .response("200", json_answer::<R>("The object"))
            .response("404", problem_answer("No such id"))
            .response("503", problem_answer("Redis is away")),
    );
    one.delete = Some(
        operation(format!(
            "Delete one {kind}; nothing else is deleted with it"
        ))
        .parameter(path_parameter("id"))
        .response("204", Response::new("Deleted"))
        .response("404", problem_answer("No such id"))
        .response("503", problem_answer("Redis is away"))
        .build(),
    );
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title(service)
                .version(env!("CARGO_PKG_VERSION"))
                .build(),
        )
        .paths(
            PathsBuilder::new()
                .path(path.clone(), collection)
                .path(format!("{path}{{id}}"), one),
        )
        .components(Some(
            ComponentsBuilder::new()
                .schema_from::<R>()
                .schema_from::<R::Draft>()
                .schema_from::<Problem>()
                .schema_from::<FieldError>()
                .build(),
        ))
        .build()
}

fn list<R: Record>() -> Operation {
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(500))
        .default(Some(100.into()))
        .build();
    let after = ObjectBuilder::new().schema_type(Type::String).build();
    operation(format!("List {}, oldest first", R::COLLECTION))
        .parameter(query_parameter("limit", "Records wanted", limit.into()))
        .parameter(query_parameter(
            "after",
            "Id to continue after",
            after.into(),
        ))
        .response(
            "200",
            many::<R>("A page; `Link: …; rel=\"next\"` leads to the next one"),
        )
        .response("400", problem_answer("Unknown query parameter"))
        .response("422", problem_answer("Unusable limit"))
        .response("503", problem_answer("Redis is away"))
        .build()
}

fn create<R: Record>() -> Operation {
    let body = RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/json", content(reference::<R::Draft>()))
        .build();
    operation(format!("Create one {}", R::KIND))
        .request_body(Some(body))
        .response("201", json_answer::<R>("Created; `Location` names it"))
        .response("400", problem_answer("Malformed JSON"))
        .response("413", problem_answer("Body over 64 KiB"))
        .response("415", problem_answer("Not application/json"))
        .response("422", problem_answer("Refused fields, each named"))
        .response("503", problem_answer("Redis is away"))
        .build()
}

/// An operation with a summary.
pub fn operation(summary: String) -> OperationBuilder {
    OperationBuilder::new().summary(Some(summary))
}

/// A parameter in the path.
pub fn path_parameter(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn query_parameter(name: &str, description: &str, schema: Schema) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .description(Some(description))
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .schema(Some(schema))
        .build()
}

/// An answer of one `T`.
pub fn json_answer<T: ToSchema>(description: &str) -> Response {
    answer(description, "application/json", reference::<T>())
}

/// An answer of a list of `T`.
pub fn many<T: ToSchema>(description: &str) -> Response {
    let list = Schema::Array(ArrayBuilder::new().items(reference::<T>()).build());
    answer(description, "application/json", list.into())
}

/// An error answer.
pub fn problem_answer(description: &str) -> Response {
    answer(
        description,
        "application/problem+json",
        reference::<Problem>(),
    )
}

fn answer(description: &str, media_type: &str, schema: RefOr<Schema>) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content(media_type, content(schema))
        .build()
}

fn content(schema: RefOr<Schema>) -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(schema)).build()
}

fn reference<T: ToSchema>() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(T::name()))
}
