//! Files that the browser saves: texts and pictures that the page has made itself.

use js_sys::Array;
use leptos::leptos_dom::helpers::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, HtmlAnchorElement, HtmlCanvasElement, HtmlImageElement, Response,
    Url,
};

/// Saves a text as a file of this name.
pub fn text(name: &str, kind: &str, text: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let parts = Array::of1(&JsValue::from_str(text));
    let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &options) else { return };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else { return };
    save(name, &url);
    // An address that cannot be given back is gone with the page.
    Url::revoke_object_url(&url).unwrap_or_default();
}

/// Draws an SVG so many pixels wide and high, and saves it as PNG; false where the browser cannot.
pub async fn png(name: &str, svg: &str, (width, height): (u32, u32)) -> bool {
    match drawn(svg, width, height).await {
        Ok(url) => {
            save(name, &url);
            true
        }
        Err(_) => false,
    }
}

/// The text at a path of this server.
pub async fn fetch_text(path: &str) -> Option<String> {
    let response: Response = JsFuture::from(window().fetch_with_str(path)).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// What a custom property of the theme holds now.
pub fn token(name: &str) -> String {
    let style = document().body().and_then(|body| window().get_computed_style(&body).ok().flatten());
    let value = style.and_then(|style| style.get_property_value(name).ok()).unwrap_or_default();
    value.trim().to_owned()
}

async fn drawn(svg: &str, width: u32, height: u32) -> Result<String, JsValue> {
    let image = HtmlImageElement::new()?;
    // The policy of the page lets images come from data, not from blobs.
    let data = js_sys::encode_uri_component(svg);
    image.set_src(&format!("data:image/svg+xml,{}", String::from(data)));
    JsFuture::from(image.decode()).await?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context: CanvasRenderingContext2d =
        canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into()?;
    context.draw_image_with_html_image_element_and_dw_and_dh(
        &image,
        0.0,
        0.0,
        f64::from(width),
        f64::from(height),
    )?;
    canvas.to_data_url_with_type("image/png")
}

fn save(name: &str, url: &str) {
    let link = document().create_element("a").ok().and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
    if let Some(link) = link {
        link.set_href(url);
        link.set_download(name);
        link.click();
    }
}
