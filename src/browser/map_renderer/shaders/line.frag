uniform vec4 u_colour;
uniform vec3 u_highlight;
uniform float u_selected;
uniform float u_globe;
uniform float u_reach;
uniform float u_soft;    // 1: fades out over the whole width, for the glow along coasts; 0: a crisp line
uniform vec3 u_ocean;
in vec2 v_across;
in float v_length;
in float v_near;
flat in vec2 v_countries;
out vec4 colour;

void main() {
    float beyond = v_across.x - clamp(v_across.x, 0.0, v_length);
    float away = length(vec2(beyond, v_across.y));
    float limb = mix(1.0, smoothstep(0.0, 0.35, v_near), u_globe);
    if (u_soft > 0.5) {
        float glow = max(0.0, 1.0 - away / u_reach);
        glow *= glow * u_colour.a * limb;
        colour = vec4(mix(u_ocean, u_colour.rgb, glow), 1.0);
        return;
    }
    float line = clamp(u_reach - away, 0.0, 1.0);
    bool is_selected = any(lessThan(abs(v_countries - u_selected), vec2(0.5)));
    vec4 paint = is_selected ? vec4(u_highlight, 1.0) : u_colour;
    colour = vec4(paint.rgb, paint.a * line * limb);
}
