//! The world, coloured by bytes, with what the colours mean.

use super::WIDE;
use super::key::{self, Sample};
use super::sheet::Sheet;
use crate::components::charts::scale::drawn;
use crate::components::charts::unit::Unit;
use crate::components::drawing::{Anchor, Drawing, Ink, Shape};
use crate::components::heatmap::legend::off_the_map;
use crate::components::heatmap::rows::{is_on_map, name, short};
use crate::components::heatmap::scale::{Classes, Scale};
use crate::components::world_map::still::{STILL_HEIGHT, STILL_WIDTH};
use crate::model::history::{Amount, CountryAmount, Metric};
use crate::model::quantity;
use crate::model::report::{Report, Section};

/// The map on a line of its own.
pub fn world(report: &Report) -> Drawing {
    world_in(report, WIDE)
}

/// The map in a width.
pub fn world_in(report: &Report, width: f64) -> Drawing {
    let figure = |entry: &CountryAmount| entry.amount.of(Metric::Bytes);
    let on_map = || report.countries.iter().filter(|entry| is_on_map(entry.country));
    let classes = Classes::of(Scale::Logarithmic, on_map().map(figure));
    let total = outside(report).of(Metric::Bytes);
    let told = |entry: &CountryAmount| {
        let bytes = figure(entry);
        format!(
            "{}: {}, {}",
            name(entry.country),
            short(Metric::Bytes, bytes),
            quantity::percent(bytes, total)
        )
    };
    let coloured =
        on_map().filter_map(|entry| Some((entry.country?, classes.shade(figure(entry))? + 1, told(entry))));
    let mut sheet = Sheet::new(width);
    sheet.push(Shape::World { x: 0.0, y: 0.0, width, countries: coloured.collect() });
    let top = width * STILL_HEIGHT / STILL_WIDTH + 10.0;
    let foot = key::classes(&mut sheet, 0.0, top, &classes, |bytes| Unit::Bytes.tick(drawn(bytes)));
    let mut foot = key::entries(&mut sheet, 0.0, foot, &[(Sample::Fill(Ink::Land), "No traffic".to_owned())]);
    let elsewhere = report.countries.iter().filter(|entry| !is_on_map(entry.country));
    let elsewhere: Vec<(String, u64)> =
        elsewhere.map(|entry| (name(entry.country), figure(entry))).filter(|(_, bytes)| *bytes > 0).collect();
    if !elsewhere.is_empty() {
        let off = elsewhere.iter().fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let text = if width < WIDE {
            format!("Not on the map: {}", short(Metric::Bytes, off))
        } else {
            off_the_map(&elsewhere, Metric::Bytes, total)
        };
        sheet.text((0.0, foot + 11.0), Anchor::Start, Ink::Muted, text);
        foot += key::ROW;
    }
    let most: Vec<String> = on_map().take(3).filter(|entry| figure(entry) > 0).map(told).collect();
    let most = if most.is_empty() { "no traffic".to_owned() } else { most.join("; ") };
    sheet.finish(foot, format!("World map coloured by bytes. {most}"))
}

/// All traffic that has an end outside, as the list of countries counts it.
fn outside(report: &Report) -> Amount {
    let list = report.tops.iter().find(|top| top.section == Section::Countries);
    list.map_or(report.total.now, |list| list.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::report::sample;

    #[test]
    fn the_country_with_most_has_the_last_class_and_one_without_place_is_told() {
        let drawing = world(&sample::report());
        let Some(Shape::World { countries, .. }) = drawing.shapes.first() else { panic!("no world") };
        let (code, class, told) = &countries[0];
        assert_eq!((code.as_str(), *class), ("US", 8));
        assert!(told.starts_with("United States: "), "{told}");
        assert!(countries.iter().all(|(_, class, _)| (1..=8).contains(class)));
        let is_told =
            |shape: &Shape| matches!(shape, Shape::Text { text, .. } if text.starts_with("Not on the map"));
        assert!(drawing.shapes.iter().any(is_told));
    }

    #[test]
    fn a_world_without_traffic_says_so() {
        let drawing = world(&sample::empty());
        assert_eq!(drawing.label, "World map coloured by bytes. no traffic");
    }
}
