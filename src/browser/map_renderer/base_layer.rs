//! The canvas below: water, land, outlines. It is drawn again only when the camera or the look changes.

use web_sys::{HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlTexture, WebGlVertexArrayObject};

use super::gl::{
    GlError, Lens, Program, attribute, buffer_of, context, count, fill_row, indices_of, release, row_texture,
    vertex_array,
};
use super::palette::Palette;
use crate::components::world_map::mesh::{LandPiece, Line, Mesh, Piece};

const PROJECTION: &str = include_str!("shaders/projection.glsl");
/// Bytes of a corner and of a segment in their buffers.
const CORNER_STRIDE: i32 = 12;
const SEGMENT_STRIDE: i32 = 24;

/// Indices that are rather drawn than left out with a call of their own.
const SMALL_GAP: usize = 900;

/// Countries that can have a shade of their own; the base map has fewer.
const MOST_COUNTRIES: usize = 512;

/// Which countries look different, as positions in the base map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emphasis {
    /// The selected country.
    pub selected: Option<usize>,
    /// The country under the pointer.
    pub hovered: Option<usize>,
}

/// The land on the graphics card.
struct World {
    land: WebGlVertexArrayObject,
    lands: Vec<LandPiece>,
    lines: WebGlVertexArrayObject,
    pieces: Vec<Piece>,
}

/// The canvas below and all that it draws with.
pub struct BaseLayer {
    gl: Gl,
    ocean: Program,
    land: Program,
    line: Program,
    nothing: WebGlVertexArrayObject,
    shades: WebGlTexture,
    world: Option<World>,
}

impl BaseLayer {
    /// Compiles what is needed.
    pub fn new(canvas: &HtmlCanvasElement) -> Result<Self, GlError> {
        let gl = context(canvas, false)?;
        let ocean = Program::new(
            &gl,
            &["uniform vec2 u_half;\n", include_str!("shaders/ocean.vert")],
            &[include_str!("shaders/ocean.frag")],
            &["u_ocean", "u_space", "u_glow"],
        )?;
        let land = Program::new(
            &gl,
            &[PROJECTION, include_str!("shaders/land.vert")],
            &[include_str!("shaders/land.frag")],
            &[
                "u_turn",
                "u_land",
                "u_space",
                "u_highlight",
                "u_selected",
                "u_hovered",
                "u_shades",
                "u_strength",
            ],
        )?;
        let line = Program::new(
            &gl,
            &[PROJECTION, include_str!("shaders/line.vert")],
            &[include_str!("shaders/line.frag")],
            &["u_turn", "u_reach", "u_colour", "u_highlight", "u_selected", "u_soft", "u_ocean"],
        )?;
        let nothing = vertex_array(&gl)?;
        let shades = row_texture(&gl)?;
        fill_row(&gl, &shades, &[[0; 4]; MOST_COUNTRIES])?;
        Ok(Self { gl, ocean, land, line, nothing, shades, world: None })
    }

    /// Takes the shade of each country, by its position in the base map; an opacity of 0 leaves it as it is.
    pub fn set_shades(&self, shades: &[[u8; 4]]) -> Result<(), GlError> {
        let mut row = [[0; 4]; MOST_COUNTRIES];
        for (texel, shade) in row.iter_mut().zip(shades) {
            *texel = *shade;
        }
        fill_row(&self.gl, &self.shades, &row)
    }

    /// Gives the context back.
    pub fn release(&self) {
        release(&self.gl);
    }

    /// Uploads the world.
    pub fn upload(&mut self, mesh: &Mesh) -> Result<(), GlError> {
        let gl = &self.gl;
        let land = vertex_array(gl)?;
        buffer_of(gl, mesh.corners.as_flattened())?;
        attribute(gl, 0, 3, CORNER_STRIDE, 0);
        indices_of(gl, &mesh.triangles)?;

        let lines = vertex_array(gl)?;
        let vertices: Vec<f32> =
            mesh.segments.iter().flat_map(|segment| [segment; 4]).flatten().copied().collect();
        buffer_of(gl, &vertices)?;
        attribute(gl, 0, 4, SEGMENT_STRIDE, 0);
        attribute(gl, 1, 2, SEGMENT_STRIDE, 16);
        let quads: Vec<u32> = (0..mesh.segments.len())
            .filter_map(|segment| u32::try_from(segment * 4).ok())
            .flat_map(|first| [0, 1, 2, 2, 1, 3].map(|corner| first + corner))
            .collect();
        indices_of(gl, &quads)?;
        gl.bind_vertex_array(None);
        self.world = Some(World { land, lands: mesh.lands.clone(), lines, pieces: mesh.pieces.clone() });
        Ok(())
    }

    /// Draws everything; the shades of countries with a strength of 0 to 1.
    pub fn draw(&self, lens: &Lens, palette: &Palette, emphasis: Emphasis, strength: f32) {
        let gl = &self.gl;
        let [half_width, half_height] = lens.half;
        gl.viewport(0, 0, device_pixels(half_width), device_pixels(half_height));
        gl.disable(Gl::BLEND);
        self.ocean.begin(lens);
        self.ocean.set_colour("u_ocean", palette.ocean);
        self.ocean.set_colour("u_space", palette.space);
        self.ocean.set_colour("u_glow", palette.glow);
        gl.bind_vertex_array(Some(&self.nothing));
        gl.draw_arrays(Gl::TRIANGLES, 0, 3);

        let Some(world) = &self.world else { return };
        let turns = lens.turns();
        let is_dark = palette.is_dark();
        let zoomed = (lens.half_span / 180.0).clamp(0.02, 1.0).powf(-0.25);
        gl.enable(Gl::BLEND);

        let graticule =
            Stroke { alpha: if is_dark { 0.1 } else { 0.22 }, ..Stroke::crisp(palette.coast, 0.8) };
        self.stroke(world, lens, palette, emphasis, Line::Graticule, graticule);

        gl.blend_equation(if is_dark { Gl::MAX } else { Gl::MIN });
        let glow = Stroke { colour: palette.glow, alpha: 0.5, width: 13.0 * zoomed, is_soft: true };
        self.stroke(world, lens, palette, emphasis, Line::Coast, glow);
        gl.blend_equation(Gl::FUNC_ADD);

        gl.disable(Gl::BLEND);
        self.land.begin(lens);
        self.land.set_colour("u_land", palette.land);
        self.land.set_colour("u_space", palette.space);
        // A highlight of another hue would make one shade look like another.
        let highlight = if strength > 0.0 { palette.label } else { palette.highlight };
        self.land.set_colour("u_highlight", highlight);
        self.land.set("u_strength", strength);
        self.land.set_whole("u_shades", 0);
        gl.active_texture(Gl::TEXTURE0);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.shades));
        self.land.set("u_selected", position(emphasis.selected));
        self.land.set("u_hovered", position(emphasis.hovered));
        gl.bind_vertex_array(Some(&world.land));
        for &turn in &turns {
            self.land.set("u_turn", turn);
            for (first, number) in seen_land(&world.lands, lens, turn) {
                gl.draw_elements_with_i32(Gl::TRIANGLES, count(number), Gl::UNSIGNED_INT, count(first) * 4);
            }
        }

        gl.enable(Gl::BLEND);
        let border = Stroke::crisp(palette.border, 0.8 * zoomed);
        self.stroke(world, lens, palette, emphasis, Line::Border, border);
        let coast = Stroke { alpha: 0.9, ..Stroke::crisp(palette.coast, 0.8 * zoomed) };
        self.stroke(world, lens, palette, emphasis, Line::Coast, coast);
        gl.bind_vertex_array(None);
    }

    fn stroke(
        &self,
        world: &World,
        lens: &Lens,
        palette: &Palette,
        emphasis: Emphasis,
        line: Line,
        stroke: Stroke,
    ) {
        let gl = &self.gl;
        gl.blend_func_separate(Gl::SRC_ALPHA, Gl::ONE_MINUS_SRC_ALPHA, Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        self.line.begin(lens);
        self.line.set("u_reach", stroke.width / 2.0 * lens.pixel + if stroke.is_soft { 0.0 } else { 0.5 });
        self.line.set_translucent("u_colour", stroke.colour, stroke.alpha);
        self.line.set_colour("u_highlight", palette.highlight);
        self.line.set_colour("u_ocean", palette.ocean);
        self.line.set("u_selected", position(emphasis.selected));
        self.line.set("u_soft", if stroke.is_soft { 1.0 } else { 0.0 });
        gl.bind_vertex_array(Some(&world.lines));
        for turn in lens.turns() {
            self.line.set("u_turn", turn);
            for (first, number) in seen(&world.pieces, line, lens, turn) {
                let (offset, corners) = (count(first) * 24, count(number) * 6);
                gl.draw_elements_with_i32(Gl::TRIANGLES, corners, Gl::UNSIGNED_INT, offset);
            }
        }
    }
}

/// The stretches of segments that may be seen: where each begins and how long it is.
fn seen(pieces: &[Piece], line: Line, lens: &Lens, turn: f32) -> Vec<(usize, usize)> {
    let bounds = lens.bounds(turn);
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.line == line && piece.level == lens.level) {
        if !piece.is_within(bounds) {
            continue;
        }
        match stretches.last_mut() {
            Some((first, number)) if *first + *number == piece.first => *number += piece.number,
            _ => stretches.push((piece.first, piece.number)),
        }
    }
    stretches
}

/// The stretches of triangles that may be seen; a few that are not are drawn where that saves a call.
fn seen_land(lands: &[LandPiece], lens: &Lens, turn: f32) -> Vec<(usize, usize)> {
    let bounds = lens.bounds(turn);
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for land in lands.iter().filter(|land| land.is_within(bounds)) {
        match stretches.last_mut() {
            Some((first, number)) if land.first - (*first + *number) < SMALL_GAP => {
                *number = land.first + land.number - *first;
            }
            _ => stretches.push((land.first, land.number)),
        }
    }
    stretches
}

/// How segments are painted.
#[derive(Clone, Copy)]
struct Stroke {
    colour: [f32; 3],
    alpha: f32,
    /// CSS pixels.
    width: f32,
    is_soft: bool,
}

impl Stroke {
    const fn crisp(colour: [f32; 3], width: f32) -> Self {
        Self { colour, alpha: 1.0, width, is_soft: false }
    }
}

/// The position as the shaders compare it; −9 is no country.
fn position(country: Option<usize>) -> f32 {
    country.and_then(|position| u16::try_from(position).ok()).map_or(-9.0, f32::from)
}

/// Device pixels of twice the half.
#[expect(clippy::cast_possible_truncation, reason = "a canvas has a few thousand pixels")]
pub fn device_pixels(half: f32) -> i32 {
    (half * 2.0).round() as i32
}
