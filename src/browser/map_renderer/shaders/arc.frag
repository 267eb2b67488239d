uniform float u_light;   // 1 on a dark map, where arcs add light; 0 on a light one, where they are ink
uniform float u_travel;
in float v_across;
in float v_tail;
in float v_from_head;
in float v_fade;
in float v_width;
in float v_reach;
in float v_hidden;
flat in float v_travelling;
flat in vec3 v_colour;
out vec4 colour;

void main() {
    float away = length(vec2(min(v_from_head, 0.0), v_across * v_reach));
    float spark = u_travel > 0.0 ? exp(-max(v_from_head, 0.0) / 9.0) * v_travelling : 0.0;
    float half_width = 0.5 * v_width * (1.0 + 0.9 * spark);
    float core = 1.0 - smoothstep(half_width - 0.4, half_width + 0.6, away);
    float glow = max(0.0, 1.0 - away / v_reach);
    glow *= glow;
    float strength = v_fade * (1.0 - v_hidden) * v_tail;
    float cover = clamp(core * 0.9 + glow * mix(0.22, 0.4, u_light), 0.0, 1.0) * strength;
    vec3 paint = mix(v_colour, vec3(1.0), u_light * (0.75 * spark * core + 0.12 * core));
    paint = mix(paint * mix(1.0, 0.8, spark), paint, u_light);
    // Premultiplied; a share of the cover is held back on a dark map, so that crossing arcs add up.
    colour = vec4(paint * cover, cover * mix(1.0, 0.6, u_light));
}
