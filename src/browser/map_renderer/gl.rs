//! A thin layer over WebGL2: programs with their uniforms, buffers, and the camera's uniforms.

use std::collections::HashMap;

use wasm_bindgen::JsCast;
use web_sys::{
    HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlContextAttributes, WebGlProgram, WebGlTexture,
    WebGlUniformLocation, WebGlVertexArrayObject,
};

use crate::components::world_map::camera::Camera;
use crate::components::world_map::mesh::level_at;

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GlError {
    /// The browser gives no WebGL2 context.
    NoContext,
    /// The driver refuses a program or an object; its own words.
    Refused(String),
}

/// The WebGL2 context of a canvas.
pub fn context(canvas: &HtmlCanvasElement, alpha: bool) -> Result<Gl, GlError> {
    let attributes = WebGlContextAttributes::new();
    attributes.set_alpha(alpha);
    // Lines smooth their own edges, and coasts cover those of the land.
    attributes.set_antialias(false);
    attributes.set_depth(false);
    attributes.set_stencil(false);
    attributes.set_premultiplied_alpha(true);
    canvas
        .get_context_with_context_options("webgl2", &attributes)
        .ok()
        .flatten()
        .and_then(|context| context.dyn_into::<Gl>().ok())
        .filter(|gl| !gl.is_context_lost())
        .ok_or(GlError::NoContext)
}

/// Gives a context back at once: browsers allow few, and collect what is gone late.
pub fn release(gl: &Gl) {
    let Ok(Some(extension)) = gl.get_extension("WEBGL_lose_context") else { return };
    let lose = js_sys::Reflect::get(&extension, &"loseContext".into());
    if let Some(lose) = lose.ok().and_then(|lose| lose.dyn_into::<js_sys::Function>().ok()) {
        // A context that cannot be lost is collected some day.
        lose.call0(&extension).map(drop).unwrap_or_default();
    }
}

/// A linked program and where its uniforms are.
pub struct Program {
    gl: Gl,
    linked: WebGlProgram,
    uniforms: HashMap<&'static str, WebGlUniformLocation>,
}

impl Program {
    /// Compiles and links; `vertex` and `fragment` are put together from pieces.
    pub fn new(
        gl: &Gl,
        vertex: &[&str],
        fragment: &[&str],
        uniforms: &[&'static str],
    ) -> Result<Self, GlError> {
        let refused = |what: &str| GlError::Refused(what.to_owned());
        let program = gl.create_program().ok_or_else(|| refused("no program"))?;
        for (kind, pieces) in [(Gl::VERTEX_SHADER, vertex), (Gl::FRAGMENT_SHADER, fragment)] {
            let shader = gl.create_shader(kind).ok_or_else(|| refused("no shader"))?;
            let source =
                format!("#version 300 es\nprecision highp float;\nprecision highp int;\n{}", pieces.concat());
            gl.shader_source(&shader, &source);
            gl.compile_shader(&shader);
            if !gl.get_shader_parameter(&shader, Gl::COMPILE_STATUS).is_truthy() {
                return Err(GlError::Refused(gl.get_shader_info_log(&shader).unwrap_or_default()));
            }
            gl.attach_shader(&program, &shader);
            gl.delete_shader(Some(&shader));
        }
        gl.link_program(&program);
        if !gl.get_program_parameter(&program, Gl::LINK_STATUS).is_truthy() {
            return Err(GlError::Refused(gl.get_program_info_log(&program).unwrap_or_default()));
        }
        let uniforms = CAMERA_UNIFORMS
            .iter()
            .chain(uniforms)
            .filter_map(|&name| Some((name, gl.get_uniform_location(&program, name)?)))
            .collect();
        Ok(Self { gl: gl.clone(), linked: program, uniforms })
    }

    /// Makes this the program that draws, and tells it the camera.
    pub fn begin(&self, lens: &Lens) {
        self.gl.use_program(Some(&self.linked));
        self.set_vec2("u_centre", [lens.longitude, lens.latitude]);
        self.set("u_middle", lens.middle);
        self.set("u_stretch", lens.stretch);
        self.set("u_scale", lens.scale);
        self.set("u_radius", lens.radius);
        self.set("u_globe", lens.globe);
        self.set_vec2("u_half", lens.half);
        self.set("u_pixel", lens.pixel);
    }

    /// Sets a number; a uniform that the program does not use is passed over.
    pub fn set(&self, name: &str, value: f32) {
        self.gl.uniform1f(self.uniforms.get(name), value);
    }

    /// Sets a whole number.
    pub fn set_whole(&self, name: &str, value: i32) {
        self.gl.uniform1i(self.uniforms.get(name), value);
    }

    /// Sets a pair.
    pub fn set_vec2(&self, name: &str, [x, y]: [f32; 2]) {
        self.gl.uniform2f(self.uniforms.get(name), x, y);
    }

    /// Sets a colour.
    pub fn set_colour(&self, name: &str, [red, green, blue]: [f32; 3]) {
        self.gl.uniform3f(self.uniforms.get(name), red, green, blue);
    }

    /// Sets a colour with its opacity.
    pub fn set_translucent(&self, name: &str, [red, green, blue]: [f32; 3], alpha: f32) {
        self.gl.uniform4f(self.uniforms.get(name), red, green, blue, alpha);
    }

    /// Sets an array of colours.
    pub fn set_colours(&self, name: &str, colours: &[[f32; 3]]) {
        self.gl.uniform3fv_with_f32_array(self.uniforms.get(name), colours.as_flattened());
    }
}

const CAMERA_UNIFORMS: [&str; 8] =
    ["u_centre", "u_middle", "u_stretch", "u_scale", "u_radius", "u_globe", "u_half", "u_pixel"];

/// The camera in the shaders' units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lens {
    longitude: f32,
    latitude: f32,
    middle: f32,
    stretch: f32,
    scale: f32,
    radius: f32,
    /// 0 flat, 1 globe.
    pub globe: f32,
    /// Half of the canvas in device pixels.
    pub half: [f32; 2],
    /// Device pixels of a CSS pixel.
    pub pixel: f32,
    /// Degrees of longitude from the middle to the edge of a flat map.
    pub half_span: f32,
    /// Level of detail of outlines.
    pub level: usize,
    /// Latitudes at the lower and the upper edge of a flat map.
    latitudes: [f32; 2],
}

impl Lens {
    /// The lens of a camera on a screen of so many device pixels a CSS pixel, so far on the way to the globe.
    #[expect(clippy::cast_possible_truncation, reason = "shaders count in single precision")]
    pub fn new(camera: &Camera, pixel: f64, globe: f64) -> Self {
        Self {
            longitude: camera.view.longitude as f32,
            latitude: camera.view.latitude as f32,
            middle: camera.middle() as f32,
            stretch: camera.stretch() as f32,
            scale: (camera.scale() * pixel) as f32,
            radius: (camera.radius() * pixel) as f32,
            globe: globe as f32,
            half: [(camera.width * pixel / 2.0) as f32, (camera.height * pixel / 2.0) as f32],
            pixel: pixel as f32,
            half_span: (camera.width / 2.0 / camera.scale()) as f32,
            level: level_at(camera.pixels_per_degree()),
            latitudes: camera.flat_latitudes().map(|latitude| latitude as f32),
        }
    }

    /// West, south, east and north end of what is seen of a copy of the flat world; everything on a globe.
    pub fn bounds(&self, turn: f32) -> [f32; 4] {
        if self.globe > 0.0 {
            return [-180.0, -90.0, 180.0, 90.0];
        }
        let middle = self.longitude - turn;
        let [south, north] = self.latitudes;
        [middle - self.half_span, south, middle + self.half_span, north]
    }

    /// The copies of the world that a canvas shows, in degrees to add.
    pub fn turns(&self) -> Vec<f32> {
        if self.globe >= 1.0 {
            return vec![0.0];
        }
        [-360.0, 0.0, 360.0]
            .into_iter()
            .filter(|turn| {
                let middle = turn - self.longitude;
                middle - 180.0 < self.half_span && middle + 180.0 > -self.half_span
            })
            .collect()
    }
}

/// Binds a buffer with numbers that do not change.
pub fn buffer_of(gl: &Gl, numbers: &[f32]) -> Result<(), GlError> {
    let buffer = gl.create_buffer().ok_or_else(|| GlError::Refused("no buffer".to_owned()))?;
    gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&buffer));
    gl.buffer_data_with_array_buffer_view(
        Gl::ARRAY_BUFFER,
        &js_sys::Float32Array::from(numbers),
        Gl::STATIC_DRAW,
    );
    Ok(())
}

/// A texture of one row, read texel by texel.
pub fn row_texture(gl: &Gl) -> Result<WebGlTexture, GlError> {
    let texture = gl.create_texture().ok_or_else(|| GlError::Refused("no texture".to_owned()))?;
    gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
    for parameter in [Gl::TEXTURE_MIN_FILTER, Gl::TEXTURE_MAG_FILTER] {
        gl.tex_parameteri(Gl::TEXTURE_2D, parameter, Gl::NEAREST.cast_signed());
    }
    Ok(texture)
}

/// Fills such a texture with red, green, blue and opacity.
pub fn fill_row(gl: &Gl, texture: &WebGlTexture, texels: &[[u8; 4]]) -> Result<(), GlError> {
    gl.bind_texture(Gl::TEXTURE_2D, Some(texture));
    gl.tex_image_2d_with_i32_and_i32_and_i32_and_format_and_type_and_opt_u8_array(
        Gl::TEXTURE_2D,
        0,
        Gl::RGBA.cast_signed(),
        count(texels.len()),
        1,
        0,
        Gl::RGBA,
        Gl::UNSIGNED_BYTE,
        Some(texels.as_flattened()),
    )
    .map_err(|_| GlError::Refused("no texture".to_owned()))
}

/// A vertex array, bound.
pub fn vertex_array(gl: &Gl) -> Result<WebGlVertexArrayObject, GlError> {
    let array = gl.create_vertex_array().ok_or_else(|| GlError::Refused("no vertex array".to_owned()))?;
    gl.bind_vertex_array(Some(&array));
    Ok(array)
}

/// Gives the bound vertex array its indices.
pub fn indices_of(gl: &Gl, indices: &[u32]) -> Result<(), GlError> {
    let buffer = gl.create_buffer().ok_or_else(|| GlError::Refused("no buffer".to_owned()))?;
    gl.bind_buffer(Gl::ELEMENT_ARRAY_BUFFER, Some(&buffer));
    let numbers = js_sys::Uint32Array::from(indices);
    gl.buffer_data_with_array_buffer_view(Gl::ELEMENT_ARRAY_BUFFER, &numbers, Gl::STATIC_DRAW);
    Ok(())
}

/// Points an attribute at the bound buffer: `size` numbers, from byte `offset`, every `stride` bytes.
pub fn attribute(gl: &Gl, location: u32, size: i32, stride: i32, offset: i32) {
    gl.enable_vertex_attrib_array(location);
    gl.vertex_attrib_pointer_with_i32(location, size, Gl::FLOAT, false, stride, offset);
}

/// A count as WebGL wants it.
pub fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
