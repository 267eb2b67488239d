//! Files that the browser saves: texts and pictures that the page has made itself.

use js_sys::{Array, Function, Promise, Reflect};
use leptos::leptos_dom::helpers::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlCanvasElement, HtmlElement, Response};

use super::map_renderer::palette::Probe;

/// Saves a text as a file of this name.
pub fn text(name: &str, kind: &str, text: &str) {
    file(name, &format!("data:{kind};charset=utf-8,{}", String::from(js_sys::encode_uri_component(text))));
}

/// Draws an SVG so many pixels wide and high, and saves it as PNG; false where the browser cannot.
pub async fn png(name: &str, svg: &str, (width, height): (u32, u32)) -> bool {
    match drawn(svg, width, height).await {
        Ok(url) => {
            file(name, &url);
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

/// The colour that a custom property of the theme stands for now; empty where there is none.
pub fn token(name: &str) -> String {
    let probe = document().body().and_then(|body| Probe::within(&window(), &document(), &body));
    probe.and_then(|probe| probe.colour(name)).unwrap_or_default()
}

async fn drawn(svg: &str, width: u32, height: u32) -> Result<String, JsValue> {
    let image = document().create_element("img")?;
    // The policy of the page lets images come from data, not from blobs.
    let data = String::from(js_sys::encode_uri_component(svg));
    image.set_attribute("src", &format!("data:image/svg+xml,{data}"))?;
    let decode: Function = Reflect::get(&image, &"decode".into())?.dyn_into()?;
    JsFuture::from(decode.call0(&image)?.dyn_into::<Promise>()?).await?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let draw: Function = Reflect::get(&context, &"drawImage".into())?.dyn_into()?;
    let arguments = Array::of5(&image, &0.into(), &0.into(), &width.into(), &height.into());
    draw.apply(&context, &arguments)?;
    canvas.to_data_url_with_type("image/png")
}

/// Saves what is at an address of this page as a file of this name.
pub fn file(name: &str, url: &str) {
    let Some(link) = document().create_element("a").ok().and_then(|link| link.dyn_into::<HtmlElement>().ok())
    else {
        return;
    };
    // Neither can fail for a fixed name of an attribute.
    drop(link.set_attribute("href", url));
    drop(link.set_attribute("download", name));
    link.click();
}
