//! A [`Drawing`] on a sheet, as wide as the text.

use krilla::geom::{PathBuilder, Rect};
use krilla::tagging::{BBox, Tag};

use super::colours;
use super::composer::{Composer, SMALL, Style, filled_box, polyline, rectangle};
use super::sheet::{Mark, Stroke};
use super::typeface::{Weight, clean};
use crate::components::drawing::{Anchor, Drawing, Ink, Shape};
use crate::components::world_map::still::{STILL_HEIGHT, STILL_WIDTH, still_lands};
use crate::model::place::CountryCode;

/// Where a drawing is, and how large.
#[derive(Clone, Copy)]
struct Place {
    left: f32,
    top: f32,
    scale: f32,
}

impl Place {
    fn at(self, x: f64, y: f64) -> (f32, f32) {
        (self.left + self.long(x), self.top + self.long(y))
    }

    fn long(self, units: f64) -> f32 {
        single(units) * self.scale
    }
}

#[expect(clippy::cast_possible_truncation, reason = "points on a page are far coarser than a single float")]
const fn single(number: f64) -> f32 {
    number as f32
}

/// The scale that makes a drawing as wide as a part of the text, or as high as a page.
fn scale_of(composer: &Composer, drawing: &Drawing, part: f32) -> Option<f32> {
    let (width, height) = (single(drawing.width), single(drawing.height));
    let scale = (composer.width() * part / width).min(composer.height() * 0.9 / height);
    (scale.is_finite() && scale > 0.0).then_some(scale)
}

/// Height of a drawing that is as wide as a part of the text.
pub fn height(composer: &Composer, drawing: &Drawing, part: f32) -> f32 {
    scale_of(composer, drawing, part).map_or(0.0, |scale| single(drawing.height) * scale)
}

/// Draws it at the cursor, on a new page where there is no room.
pub fn draw(composer: &mut Composer, drawing: &Drawing) {
    let height = height(composer, drawing, 1.0);
    composer.make_room(height);
    draw_at(composer, drawing, Composer::LEFT, 1.0);
    composer.y += height;
}

/// Draws two beside each other, each below its caption.
pub fn draw_pair(composer: &mut Composer, drawings: &[Drawing; 2], captions: &[String; 2]) {
    /// What each has of the width.
    const PART: f32 = 0.48;
    let high = drawings.iter().map(|drawing| height(composer, drawing, PART)).fold(0.0, f32::max);
    let caption = SMALL.leading + 4.0;
    composer.make_room(high + caption);
    let (top, left, right) = (composer.y, Composer::LEFT, composer.right() - composer.width() * PART);
    for ((drawing, text), left) in drawings.iter().zip(captions).zip([left, right]) {
        composer.y = top;
        composer.within(Tag::P, |composer| composer.line(left, top + SMALL.leading * 0.72, SMALL, text));
        composer.y = top + caption;
        draw_at(composer, drawing, left, PART);
    }
    composer.y = top + caption + high;
}

fn draw_at(composer: &mut Composer, drawing: &Drawing, left: f32, part: f32) {
    let Some(scale) = scale_of(composer, drawing, part) else { return };
    let (width, height) = (single(drawing.width) * scale, single(drawing.height) * scale);
    let place = Place { left, top: composer.y, scale };
    let marks: Vec<Mark> = drawing.shapes.iter().flat_map(|shape| marks_of(composer, place, shape)).collect();
    let page_idx = composer.sheet();
    let bbox = Rect::from_xywh(place.left, place.top, width, height).map(|rect| BBox { page_idx, rect });
    let tag = Tag::Figure(Some(clean(&drawing.label))).with_bbox(bbox);
    composer.within(tag, |composer| composer.content(marks));
}

fn marks_of(composer: &Composer, place: Place, shape: &Shape) -> Vec<Mark> {
    match shape {
        Shape::Box { x, y, width, height, fill, .. } => {
            let (left, top) = place.at(*x, *y);
            let (width, height) = (place.long(*width), place.long(*height));
            filled_box(left, top, width, height, colours::of(*fill)).into_iter().collect()
        }
        Shape::Line { points, stroke, width, is_dashed } => {
            let colour = colours::of(*stroke);
            let stroke = Some(Stroke { colour, width: place.long(*width), is_dashed: *is_dashed });
            let path = polyline(&placed(place, points), false);
            path.map(|path| Mark::Shape { path, fill: None, stroke }).into_iter().collect()
        }
        Shape::Area { points, fill } => {
            let path = polyline(&placed(place, points), true);
            let fill = Some(colours::of(*fill));
            path.map(|path| Mark::Shape { path, fill, stroke: None }).into_iter().collect()
        }
        Shape::Text { x, y, size, anchor, ink, text } => {
            let text = clean(text);
            let size = place.long(*size);
            let style = Style { size, leading: size, weight: Weight::Regular, colour: colours::of(*ink) };
            let (x, baseline) = place.at(*x, *y);
            let wide = composer.measure(style, &text);
            let left = match anchor {
                Anchor::Start => x,
                Anchor::Middle => x - wide / 2.0,
                Anchor::End => x - wide,
            };
            vec![composer.text_mark(left, baseline, style, &text)]
        }
        Shape::World { x, y, width, countries } => {
            let (left, top) = place.at(*x, *y);
            let scale = place.long(*width) / single(STILL_WIDTH);
            world(Place { left, top, scale }, countries)
        }
    }
}

fn placed(place: Place, points: &[(f64, f64)]) -> Vec<(f32, f32)> {
    points.iter().map(|(x, y)| place.at(*x, *y)).collect()
}

/// The world, its countries in the colours of their classes.
fn world(place: Place, countries: &[(CountryCode, u8, String)]) -> Vec<Mark> {
    let (width, height) = (place.long(STILL_WIDTH), place.long(STILL_HEIGHT));
    let mut marks: Vec<Mark> =
        rectangle(place.left, place.top, width, height).map(Mark::Clip).into_iter().collect();
    if marks.is_empty() {
        return marks;
    }
    let stroke = Some(Stroke { colour: colours::COAST, width: 0.25, is_dashed: false });
    for land in still_lands() {
        let class = land.code.and_then(|code| countries.iter().find(|(country, ..)| *country == code));
        let fill = Some(colours::of(class.map_or(Ink::Land, |(_, class, _)| Ink::Heat(*class))));
        let mut path = PathBuilder::new();
        for ring in &land.rings {
            for (at, &[x, y]) in ring.iter().enumerate() {
                let (x, y) = place.at(f64::from(x), f64::from(y));
                if at == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            path.close();
        }
        marks.extend(path.finish().map(|path| Mark::Shape { path, fill, stroke }));
    }
    marks.push(Mark::Unclip);
    marks
}
