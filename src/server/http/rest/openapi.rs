//! The description of the API, made from the handlers and the types they answer with.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

/// The stable API of Meridian. Names of fields stay; new ones may come. Times are milliseconds since 1970 UTC.
#[derive(OpenApi)]
#[openapi(
    info(title = "Meridian"),
    paths(
        super::status,
        super::exporters,
        super::live,
        super::cities,
        super::history::heatmap,
        super::history::series,
        super::history::top,
        super::history::flows,
        super::events::events,
        super::history::status,
        super::reports::list,
        super::reports::order,
        super::reports::one,
        super::reports::remove,
        super::reports::pdf,
        page,
    ),
    tags(
        (name = "now", description = "What is happening."),
        (name = "history", description = "What has passed."),
        (name = "reports", description = "What was written about it."),
    )
)]
struct Api;

/// The document.
pub fn document() -> Document {
    Api::openapi()
}

/// This description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "now",
    responses((status = 200, description = "An OpenAPI 3.1 document.", content_type = "application/json"))
)]
pub async fn page() -> Json<Document> {
    Json(document())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Every `$ref` in a document.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.insert(reference);
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_has_every_route_and_every_type_that_it_names() {
        let document = serde_json::to_value(document()).unwrap();
        let described: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let source = include_str!("mod.rs");
        let routes: BTreeSet<&str> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix(".route(\"")?.split('"').next())
            .collect();
        assert_eq!(described, routes);
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 30);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        assert_eq!(document["openapi"].as_str(), Some("3.1.0"));
    }

    #[test]
    fn the_document_describes_fields_as_json_has_them() {
        let document = serde_json::to_value(document()).unwrap();
        let traffic = &document["components"]["schemas"]["Traffic"]["properties"];
        let of_json = serde_json::to_value(crate::model::traffic::Traffic::NONE).unwrap();
        for field in of_json.as_object().unwrap().keys() {
            assert!(traffic[field]["description"].is_string(), "{field}");
        }
        let parameters = document["paths"]["/api/v1/top"]["get"]["parameters"].as_array().unwrap();
        assert!(parameters.iter().any(|parameter| parameter["name"] == "by" && parameter["in"] == "query"));
    }
}
