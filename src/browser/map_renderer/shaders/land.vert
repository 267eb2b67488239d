// Triangles of the land.
layout(location = 0) in vec3 a_corner;  // degrees east, degrees north, position of the country
uniform float u_turn;                   // which copy of the flat world, degrees
out float v_near;
out float v_shade;
flat out float v_country;

void main() {
    vec3 point = placed(a_corner.xy, u_turn);
    v_near = point.z;
    v_shade = u_globe > 0.0 ? on_sphere(a_corner.xy).z : 1.0;
    v_country = a_corner.z;
    gl_Position = on_canvas(point.xy);
}
