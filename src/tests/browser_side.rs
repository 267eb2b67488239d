//! What the browser does with the server's data, run as WebAssembly.
#![cfg(target_arch = "wasm32")]

use meridian::components::world_map::projection;
use meridian::model::filter::Filter;
use meridian::model::frame::{Frame, Message, Request, Subscription};
use meridian::model::place::{CountryCode, Place, Precision};
use meridian::model::time;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn a_message_of_the_server_is_read_as_it_was_written() {
    let place = Place {
        country: CountryCode::parse("ZA"),
        city: "Makhanda".to_owned(),
        latitude: -33.31,
        longitude: 26.52,
        precision: Precision::City,
        ..Place::default()
    };
    let message = Message::Frame(Frame { sequence: u64::MAX, places: vec![place], ..Frame::default() });
    let bytes = postcard::to_allocvec(&message).unwrap();
    assert_eq!(postcard::from_bytes::<Message>(&bytes).unwrap(), message);
}

#[wasm_bindgen_test]
fn a_request_of_the_page_survives_its_encoding() {
    let request = Request::Subscribe(Subscription { filter: "country = ZA".to_owned(), arcs_per_second: 10 });
    let bytes = postcard::to_allocvec(&request).unwrap();
    assert_eq!(postcard::from_bytes::<Request>(&bytes).unwrap(), request);
}

#[wasm_bindgen_test]
fn the_filter_language_points_at_the_fault_in_the_browser_too() {
    let filter: Filter = "dst.country = \"RU\" and not src.as = 15169".parse().unwrap();
    assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    assert_eq!("port = 443 and contry = ZA".parse::<Filter>().unwrap_err().position, 15);
}

#[wasm_bindgen_test]
fn a_longitude_beyond_the_antimeridian_is_wrapped() {
    assert!((projection::wrapped(190.0) + 170.0).abs() < 1e-9);
}

#[wasm_bindgen_test]
fn times_are_formatted_without_a_time_zone_database() {
    assert_eq!(time::date_and_time(0), "1970-01-01 00:00:00 UTC");
}
