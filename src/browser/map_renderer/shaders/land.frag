uniform vec3 u_land;
uniform vec3 u_space;
uniform vec3 u_highlight;
uniform float u_selected;
uniform float u_hovered;
uniform sampler2D u_shades;   // a texel a country
uniform float u_strength;     // of the shades
uniform float u_globe;
in float v_near;
in float v_shade;
flat in float v_country;
out vec4 colour;

void main() {
    if (v_near < 0.0) discard;
    vec4 shade = texelFetch(u_shades, ivec2(int(v_country + 0.5), 0), 0);
    vec3 land = mix(u_land, shade.rgb, shade.a * u_strength);
    if (abs(v_country - u_selected) < 0.5) land = mix(land, u_highlight, 0.42);
    else if (abs(v_country - u_hovered) < 0.5) land = mix(land, u_highlight, 0.2);
    float limb = 1.0 - pow(1.0 - clamp(v_shade, 0.0, 1.0), 2.5);
    colour = vec4(mix(land, mix(mix(u_space, land, 0.45), land * 1.08, limb), u_globe), 1.0);
}
