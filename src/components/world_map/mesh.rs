//! What the renderer uploads once: triangles of the land and segments of the outlines.
//!
//! Long edges are halved until a globe made of them looks round. Whether an edge is halved depends on its ends
//! alone, so that neighbours never tear apart.

use std::collections::HashMap;

use super::base_map::{BaseMap, Outline, Point};

/// Longest edge in degrees of a great circle, roughly.
const LONGEST_EDGE: f32 = 4.0;
/// Degrees between two lines of the graticule.
const GRATICULE: i16 = 15;

/// What a segment is a piece of; the shader knows these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Land from water.
    Coast = 0,
    /// Two countries.
    Border = 1,
    /// The net of meridians and parallels.
    Graticule = 2,
}

/// Vertices and segments of the whole world.
#[derive(Clone, Debug, Default)]
pub struct Mesh {
    /// Corners of triangles: degrees east, degrees north, position of the country.
    pub corners: Vec<[f32; 3]>,
    /// Three indices into `corners` a triangle.
    pub triangles: Vec<u32>,
    /// Segments: degrees east and north of both ends, kind of line, positions of the countries on both sides
    /// (−1 for the graticule). Coasts come first, then borders, then the graticule.
    pub segments: Vec<[f32; 7]>,
    /// Number of segments that are coasts.
    pub coasts: usize,
    /// Number of segments that are borders.
    pub borders: usize,
}

impl Mesh {
    /// Makes the mesh of a base map.
    pub fn of(map: &BaseMap) -> Self {
        let mut mesh = Self::default();
        for (country, land) in map.countries.iter().enumerate() {
            for polygon in &land.polygons {
                let corners: Vec<Point> = polygon.rings.iter().flatten().copied().collect();
                mesh.push_land(&corners, &polygon.triangles, small(country));
            }
        }
        mesh.push_outlines(map, Outline::Coast, Line::Coast);
        mesh.coasts = mesh.segments.len();
        mesh.push_outlines(map, Outline::Border, Line::Border);
        mesh.borders = mesh.segments.len() - mesh.coasts;
        mesh.push_graticule();
        mesh
    }

    fn push_land(&mut self, corners: &[Point], triangles: &[[u32; 3]], country: f32) {
        let base = self.corners.len();
        self.corners.extend(corners.iter().map(|point| [point[0], point[1], country]));
        let index = |i: u32| u32::try_from(base).unwrap_or(u32::MAX).saturating_add(i);
        let mut halves: HashMap<(u32, u32), u32> = HashMap::new();
        let mut open: Vec<[u32; 3]> = triangles.iter().map(|triangle| triangle.map(index)).collect();
        while let Some([a, b, c]) = open.pop() {
            let edges = [(a, b, c), (b, c, a), (c, a, b)];
            let longest = edges
                .into_iter()
                .map(|(from, to, apex)| (self.edge_length(from, to), from, to, apex))
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let Some((length, from, to, apex)) = longest else { continue };
            if length <= LONGEST_EDGE {
                self.triangles.extend([a, b, c]);
                continue;
            }
            let half = *halves.entry((from.min(to), from.max(to))).or_insert_with(|| {
                let middle = midpoint(self.point(from), self.point(to));
                self.corners.push([middle[0], middle[1], country]);
                u32::try_from(self.corners.len() - 1).unwrap_or(u32::MAX)
            });
            open.extend([[from, half, apex], [half, to, apex]]);
        }
    }

    fn point(&self, index: u32) -> Point {
        self.corners.get(index as usize).map_or([0.0, 0.0], |corner| [corner[0], corner[1]])
    }

    fn edge_length(&self, from: u32, to: u32) -> f32 {
        length(self.point(from), self.point(to))
    }

    fn push_outlines(&mut self, map: &BaseMap, outline: Outline, line: Line) {
        for arc in map.arcs.iter().filter(|arc| arc.outline == outline) {
            for (from, to) in arc.points.iter().zip(arc.points.iter().skip(1)) {
                let along_seam = from[0].abs() >= 180.0 && to[0].abs() >= 180.0;
                if !along_seam {
                    self.push_line(*from, *to, line, arc.countries.map(small));
                }
            }
        }
    }

    fn push_line(&mut self, from: Point, to: Point, line: Line, countries: [f32; 2]) {
        if length(from, to) > LONGEST_EDGE {
            let middle = midpoint(from, to);
            self.push_line(from, middle, line, countries);
            self.push_line(middle, to, line, countries);
        } else {
            let kind = f32::from(line as u8);
            self.segments.push([from[0], from[1], to[0], to[1], kind, countries[0], countries[1]]);
        }
    }

    fn push_graticule(&mut self) {
        let line = |mesh: &mut Self, from, to| mesh.push_line(from, to, Line::Graticule, [-1.0, -1.0]);
        for degrees in (-180..180).step_by(15) {
            let longitude = f32::from(i16::try_from(degrees).unwrap_or(0));
            line(self, [longitude, -75.0], [longitude, 75.0]);
        }
        for step in -5..=5 {
            let latitude = f32::from(step * GRATICULE);
            for part in 0..12i16 {
                let longitude = f32::from(part * 30 - 180);
                line(self, [longitude, latitude], [longitude + 30.0, latitude]);
            }
        }
    }
}

/// Positions of countries are below 300, exact in a float.
fn small(position: usize) -> f32 {
    f32::from(u16::try_from(position).unwrap_or(u16::MAX))
}

fn midpoint(from: Point, to: Point) -> Point {
    [f32::midpoint(from[0], to[0]), f32::midpoint(from[1], to[1])]
}

/// Roughly the degrees of a great circle.
fn length(from: Point, to: Point) -> f32 {
    let narrow = f32::midpoint(from[1], to[1]).to_radians().cos();
    ((to[0] - from[0]) * narrow).hypot(to[1] - from[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edge_of_the_mesh_is_too_long_to_bend() {
        let map = BaseMap::parse(include_bytes!("../../../public/base_map.bin")).unwrap();
        let mesh = Mesh::of(&map);
        for triangle in mesh.triangles.chunks_exact(3) {
            for (from, to) in [(0, 1), (1, 2), (2, 0)] {
                assert!(mesh.edge_length(triangle[from], triangle[to]) <= LONGEST_EDGE);
            }
        }
        assert!(mesh.corners.len() < 80_000, "{} corners", mesh.corners.len());
        assert!(mesh.segments.iter().all(|s| length([s[0], s[1]], [s[2], s[3]]) <= LONGEST_EDGE));
        assert!(mesh.coasts > 10_000 && mesh.borders > 3_000);
    }
}
