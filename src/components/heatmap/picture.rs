//! The map to take away: one SVG that needs nothing else, and the figures as CSV.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::components::world_map::still::{STILL_HEIGHT, STILL_WIDTH};
use crate::model::place::CountryCode;

/// Width of the picture in its own units; the map is as wide.
pub const PICTURE_WIDTH: f64 = STILL_WIDTH;
/// Height of the picture in its own units: title, map, legend.
pub const PICTURE_HEIGHT: f64 = STILL_HEIGHT + HEAD + FOOT;
const HEAD: f64 = 560.0;
const FOOT: f64 = 640.0;
const MARGIN: f64 = 160.0;

/// What the picture shows; colours as CSS writes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// What is shown.
    pub title: String,
    /// When, and of which flows.
    pub subtitle: String,
    /// Colour of each country; the others have `land`.
    pub countries: HashMap<CountryCode, String>,
    /// The legend: colour, and what stands at the lower end.
    pub legend: Vec<(String, String)>,
    /// What stands at the end of the legend.
    pub legend_end: String,
    /// What is not on the map, and whose outlines these are.
    pub notes: Vec<String>,
    /// Colour of countries without figures.
    pub land: String,
    /// Colour of the water and all around.
    pub ground: String,
    /// Colour of the outlines.
    pub line: String,
    /// Colour of the texts.
    pub text: String,
}

impl Picture {
    /// The SVG; `world` is what `/world.svg` holds.
    pub fn svg(&self, world: &str) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {PICTURE_WIDTH} {PICTURE_HEIGHT}\" \
             width=\"{}\" height=\"{}\" font-family=\"system-ui, sans-serif\">\
             <rect width=\"100%\" height=\"100%\" fill=\"{ground}\"/>",
            PICTURE_WIDTH / 5.0,
            PICTURE_HEIGHT / 5.0,
            ground = self.ground,
        );
        self.text(&mut svg, MARGIN, 260.0, 190.0, &self.title);
        self.text(&mut svg, MARGIN, 460.0, 120.0, &self.subtitle);
        push(
            &mut svg,
            format_args!(
                "<svg y=\"{HEAD}\" width=\"{STILL_WIDTH}\" height=\"{STILL_HEIGHT}\" \
                 viewBox=\"0 0 {STILL_WIDTH} {STILL_HEIGHT}\"><g fill-rule=\"evenodd\" fill=\"{}\" stroke=\"{}\" \
                 stroke-width=\"1\">",
                self.land, self.line
            ),
        );
        svg.push_str(&self.coloured(world));
        svg.push_str("</g></svg>");
        self.push_foot(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    /// The outlines of the world, each with its colour.
    fn coloured(&self, world: &str) -> String {
        let shapes = world.split_once("evenodd\">").and_then(|(_, rest)| rest.split_once("</g>"));
        let Some((shapes, _)) = shapes else { return String::new() };
        let mut parts = shapes.split(" id=\"");
        let mut coloured = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (id, rest) = part.split_once('"').unwrap_or((part, ""));
            push(&mut coloured, format_args!(" id=\"{id}\""));
            if let Some(colour) = CountryCode::parse(id).and_then(|code| self.countries.get(&code)) {
                push(&mut coloured, format_args!(" fill=\"{colour}\""));
            }
            coloured.push_str(rest);
        }
        coloured
    }

    fn push_foot(&self, svg: &mut String) {
        let top = HEAD + STILL_HEIGHT + 80.0;
        let width = 560.0;
        let mut left = MARGIN;
        for (colour, bound) in &self.legend {
            push(
                svg,
                format_args!(
                    "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"130\" fill=\"{colour}\"/>"
                ),
            );
            self.text(svg, left, top + 260.0, 100.0, bound);
            left += width;
        }
        self.text(svg, left, top + 260.0, 100.0, &self.legend_end);
        for (line, note) in (0_u32..).zip(&self.notes) {
            self.text(svg, MARGIN, top + 400.0 + 125.0 * f64::from(line), 90.0, note);
        }
    }

    fn text(&self, svg: &mut String, x: f64, y: f64, size: f64, text: &str) {
        let (colour, text) = (&self.text, escaped(text));
        push(
            svg,
            format_args!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\">{text}</text>"),
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(arguments).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::world_map::still_svg;

    #[test]
    fn the_picture_is_whole_and_each_country_has_its_colour() {
        let code = |text| CountryCode::parse(text).unwrap();
        let picture = Picture {
            title: "Bytes & more".to_owned(),
            countries: HashMap::from([
                (code("DE"), "#123456".to_owned()),
                (code("TV"), "#abcdef".to_owned()),
            ]),
            land: "#eeeeee".to_owned(),
            ..Picture::default()
        };
        let svg = picture.svg(still_svg());
        assert!(svg.contains(r##"id="DE" fill="#123456""##) && svg.contains(r##"id="TV" fill="#abcdef""##));
        assert!(svg.contains(r#"id="FR" vector-effect"#), "a country without figures has the colour of land");
        assert!(svg.contains("Bytes &amp; more"));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
        assert!(!svg.contains("href") && !svg.contains("style"), "it needs nothing else");
    }
}
