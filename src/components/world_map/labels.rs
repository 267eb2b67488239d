//! Which names stand on the map, and where: the more important first, none over another.

use super::camera::Camera;

/// What a label names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelKind {
    /// A home network: a marker, always shown.
    Home,
    /// A country: its name, centred.
    Country,
    /// A city: a dot with its name beside it.
    City,
}

/// A name that wants to stand on the map.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// What it names.
    pub kind: LabelKind,
    /// The name.
    pub text: String,
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
    /// Countries: width of the land in degrees of the equator. Cities: position by importance, from 0.
    pub size: f64,
    /// Width of the text in CSS pixels.
    pub width: f64,
    /// Position among its kind in what the page gave.
    pub position: usize,
}

/// A label that found a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedLabel {
    /// Position in the list of labels.
    pub label: usize,
    /// Where its point is, in CSS pixels.
    pub x: f64,
    /// Where its point is, in CSS pixels.
    pub y: f64,
    /// Left end of the text; `None` when only the marker or dot has room.
    pub text_left: Option<f64>,
    /// 0 to 1: fades towards the edge of the globe.
    pub strength: f64,
}

/// Height of a line of text in CSS pixels.
pub const LINE_HEIGHT: f64 = 14.0;
/// Distance of a city's or home's name from its point, in CSS pixels.
const BESIDE: f64 = 9.0;
/// City labels appear from this many CSS pixels a degree on.
const CITIES_FROM: f64 = 11.0;

/// Chooses labels in the order given (homes, then countries by size, then cities by importance).
pub fn placed(labels: &[Label], camera: &Camera) -> Vec<PlacedLabel> {
    let density = camera.pixels_per_degree();
    let mut taken: Vec<Box> = Vec::new();
    let mut placed = Vec::new();
    for (position, label) in labels.iter().enumerate() {
        if !is_wanted(label, density) {
            continue;
        }
        let Some((x, y, near)) = camera.project(label.longitude, label.latitude) else { continue };
        let margin = 40.0;
        if x < -margin || y < -margin || x > camera.width + margin || y > camera.height + margin {
            continue;
        }
        let strength = ((near - 0.15) / 0.35).clamp(0.0, 1.0);
        let lefts: &[f64] = match label.kind {
            LabelKind::Country => &[x - label.width / 2.0],
            LabelKind::Home | LabelKind::City => &[x + BESIDE, x - BESIDE - label.width],
        };
        let room = lefts
            .iter()
            .map(|&left| (left, Box::around(left, y, label.width)))
            .find(|(_, text)| !taken.iter().any(|other| other.overlaps(text)));
        let point = Box { left: x - 5.0, top: y - 5.0, right: x + 5.0, bottom: y + 5.0 };
        let text_left = match (label.kind, room) {
            (LabelKind::Home, room) => {
                taken.push(point);
                room.map(|(left, text)| {
                    taken.push(text);
                    left
                })
            }
            (_, Some((left, text))) if strength > 0.0 => {
                taken.push(text);
                if label.kind == LabelKind::City {
                    taken.push(point);
                }
                Some(left)
            }
            _ => continue,
        };
        placed.push(PlacedLabel { label: position, x, y, text_left, strength });
    }
    placed
}

fn is_wanted(label: &Label, density: f64) -> bool {
    match label.kind {
        LabelKind::Home => true,
        LabelKind::Country => label.size * density > label.width.min(90.0) * 0.8,
        LabelKind::City => density >= CITIES_FROM && label.size < 1.2 * density * density.sqrt(),
    }
}

#[derive(Clone, Copy, Debug)]
struct Box {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Box {
    fn around(left: f64, middle: f64, width: f64) -> Self {
        Self {
            left: left - 4.0,
            top: middle - LINE_HEIGHT / 2.0 - 1.0,
            right: left + width + 4.0,
            bottom: middle + LINE_HEIGHT / 2.0 + 1.0,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::world_map::camera::MapView;

    fn label(kind: LabelKind, text: &str, longitude: f64, latitude: f64, size: f64) -> Label {
        Label { kind, text: text.to_owned(), longitude, latitude, size, width: 60.0, position: 0 }
    }

    fn names(labels: &[Label], zoom: f64) -> Vec<&str> {
        let view = MapView { longitude: 5.0, latitude: 50.0, zoom, ..MapView::default() };
        let placed = placed(labels, &Camera::new(view, 1000.0, 600.0));
        placed.iter().filter_map(|placed| labels.get(placed.label)).map(|label| label.text.as_str()).collect()
    }

    #[test]
    fn a_home_is_always_shown_and_the_more_important_name_wins() {
        let labels = [
            label(LabelKind::Home, "lab", 5.0, 50.0, 0.0),
            label(LabelKind::Country, "Germany", 10.0, 51.0, 8.0),
            label(LabelKind::Country, "Luxembourg", 6.1, 49.8, 0.7),
            label(LabelKind::City, "Cologne", 7.0, 50.9, 0.0),
            label(LabelKind::City, "Bonn", 7.1, 50.7, 1.0),
        ];
        assert_eq!(names(&labels, 0.0), ["lab"]);
        assert_eq!(names(&labels, 3.0), ["lab", "Germany", "Cologne"]);
        assert_eq!(names(&labels, 6.0), ["lab", "Luxembourg", "Cologne", "Bonn"]);
    }
}
