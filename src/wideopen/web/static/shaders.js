// The programs of the preview. Rows run from the top: v = 0 is the picture's first row.
// @ts-check

/** Most points that an aperture is sampled at, all sets of them together. */
export const POINTS = 96;
/**
 * Sizes at which blurs are drawn: half, quarter, eighth. The half size is left for the quarter at about 1.4 `BASE` px, the
 * quarter for the eighth at twice that; a blur of less than `FINE` px is the photo itself mixed with the half size.
 */
export const LEVELS = 3;
const BASE = 3.6, FINE = [0.4, 1.8];
/** From where to where the half size is left for the quarter, and the quarter for the eighth. */
const TURNS = [...Array(LEVELS - 1).keys()].map(level => [level + 0.35, level + 0.65].map(turn => (BASE * 2 ** turn).toFixed(3)).join(', '));
/** Square of the radius, in pixels of a smaller size, of a disc that blurs as much as that size does by itself. */
const OWN_BLUR = 1;
/** Radii in px that a level is drawn for, a little more than are seen of it. @param {number} level */
export const spanOf = level => [level ? 0.9 * BASE * 2 ** (level - 0.65) : FINE[0], level < LEVELS - 1 ? 1.1 * BASE * 2 ** (level + 0.65) : 1e9];

/** Tiles of the picture, or the whole of it. */
export const VERTEX = `#version 300 es
layout(location = 0) in vec4 tile;  // left, top, right, bottom as shares of the sides
uniform float turned;  // -1 for the canvas, whose rows run from the bottom
void main() {
  vec2 at = mix(tile.xy, tile.zw, vec2(gl_VertexID & 1, gl_VertexID >> 1));
  gl_Position = vec4((at * 2.0 - 1.0) * vec2(1.0, turned), 0.0, 1.0);
}`;

const HEAD = `#version 300 es
precision highp float;
uniform vec2 size;
vec3 decode(vec3 shown) {
  return mix(shown / 12.92, pow((shown + 0.055) / 1.055, vec3(2.4)), step(0.04045, shown));
}
/** To 1/500, from roots: powers are dear in software rendering. */
vec3 encode(vec3 light) {
  light = clamp(light, 0.0, 1.0);
  vec3 root = sqrt(light), fourth = sqrt(root);
  return mix(light * 12.92, 0.585122381 * root + 0.783140355 * fourth - 0.368262736 * sqrt(fourth), step(0.0031308, light));
}
`;

/** @param {boolean} cut whether the barrel cuts discs */
const radius = cut => `
uniform vec4 lens;  // px for each unit of disparity, farthest and nearest disparity in focus, the largest radius
uniform vec4 lean;  // growth of the radius for each px to the right and down, and where it is 0
uniform float axial;  // by how many px at most the radius is less, half of what is blurred at all
float radiusOf(float there, vec2 at) {
  float leaning = dot(lean.xy, (at - lean.zw) * size);
  float found = max(lens.x * (lens.y - there) + leaning, 0.0) + min(lens.x * (lens.z - there) + leaning, 0.0);
  found = clamp(found, -lens.w, lens.w);
  return found - sign(axial) * clamp(0.5 * abs(found) - 0.25, 0.0, abs(axial));
}
uniform float vignette;
/** How far aside the barrel cuts the disc, in radii. */
vec2 cutAt(vec2 at) { return 2.0 * vignette * (at - 0.5) * 2.0 * size / length(size); }
/** How wide a disc is for its sharpness: as the root of its area, where the barrel cuts it. */
float wideness(float radius, vec2 at) { return abs(radius)${cut ? ' * sqrt(max(1.0 - 0.5 * length(cutAt(at)), 0.1))' : ''}; }`;

/** A picture with an opacity as its alpha. */
export const JOIN = `${HEAD}
uniform sampler2D picture, matte;
out vec4 joined;
void main() {
  vec2 at = gl_FragCoord.xy / size;
  joined = vec4(textureLod(picture, at, 0.0).rgb, textureLod(matte, at, 0.0).r);
}`;

/** Light at half the size of everything but the subject (share 0) or of the subject (share 1), premultiplied. */
export const LIGHT = `${HEAD}
uniform sampler2D picture, matte, lamps;
uniform float gain, subject;
out vec4 light;
void main() {
  light = vec4(0.0);
  for (int part = 0; part < 4; part++) {
    vec2 at = (gl_FragCoord.xy + 0.5 * vec2(part & 1, part >> 1) - 0.25) / size;
    float opacity = abs(1.0 - subject - textureLod(matte, at, 0.0).r);
    float raised = 1.0 + (gain - 1.0) * textureLod(lamps, at, 0.0).r;
    light += 0.25 * opacity * vec4(decode(textureLod(picture, at, 0.0).rgb) * raised, 1.0);
  }
}`;

/**
 * Every pixel the mean of what its own disc covers, in the aperture's shape, at one of the smaller sizes. Discs much wider
 * than a pixel are sampled in still smaller copies of the light, so that a few points are enough for any.
 *
 * What the copies blur by themselves is taken off the disc, so that both together are as wide as the lens's.
 * @param {boolean} own whether it is the subject that is blurred @param {boolean} cut whether the barrel cuts discs
 */
export const gather = (own, cut) => `${HEAD}
uniform sampler2D light, disparity;
uniform vec2 target, span;
uniform float level, rim;
uniform ivec2 sets[4];
uniform vec4 points[${POINTS}];
${radius(cut)}
out vec4 seen;
void main() {
  vec2 at = gl_FragCoord.xy / target;
  float radius = radiusOf(${own ? '0.0' : 'textureLod(disparity, at, 0.0).r'}, at), wide = wideness(radius, at);
  float small = clamp(floor(log2(wide / 3.4)), level, 6.0), texel = exp2(small + 1.0), within = wide / texel;
  ivec2 set = sets[within < 1.4 ? 0 : within < 2.2 ? 1 : within < 2.8 ? 2 : 3];
  if (wide < span.x || wide >= span.y) set = ivec2(0);
  ${own ? 'if (textureLod(light, at, ceil(log2(max(abs(radius), 1.0)))).a < 0.004) set = ivec2(0);  // None of it is near.' : ''}
${cut ? `
  // The disc and the barrel's have an oval in common, near enough: half as far aside, and narrower in that direction.
  vec2 aside = sign(radius) * cutAt(at), along = normalize(aside + vec2(1e-6, 0.0));
  float apart = min(0.5 * length(aside), 0.9);
  vec2 sides = abs(radius) / texel * vec2(1.0 - apart, sqrt(1.0 - apart * apart));
  sides = texel * sqrt(max(sides * sides - ${OWN_BLUR.toFixed(1)}, 0.1)) * sign(radius);
  mat2 turn = mat2(along, vec2(-along.y, along.x)), reach = turn * mat2(sides.x, 0.0, 0.0, sides.y) * transpose(turn);
  reach = mat2(reach[0] / size, reach[1] / size);
  vec2 middle = at - 0.5 * radius * aside / size;` : `
  vec2 middle = at, reach = texel * sqrt(max(within * within - ${OWN_BLUR.toFixed(1)}, 0.1)) * sign(radius) / size;`}
  float bright = rim * sign(radius), whole = 1e-6;
  seen = vec4(0.0);
  for (int index = set.x; index < set.y; index++) {
    vec4 point = points[index];
    float share = 1.0 + bright * point.z;
    seen += share * textureLod(light, middle - reach * point.xy, small);
    whole += share;
  }
  seen /= whole;
  seen = vec4(encode(seen.rgb / max(seen.a, 1e-6)), 1.0) * ${own ? 'seen.a' : 'step(2e-3, seen.a)'};
}`;

/**
 * The subject over everything else; a program of its own where the subject is blurred, too. Software rendering computes
 * both sides of a branch, and loops that no pixel enters cost it more still; powers are dear for it, too: squares stand
 * for light, which is exact where nothing is mixed.
 * @param {boolean} blurred @param {boolean} cut whether the barrel cuts discs
 */
export const compose = (blurred, cut) => `${HEAD}
uniform sampler2D photo, disparity, fine, rest, subject;
${radius(cut)}
out vec4 shown;
/** What is blurred by so many px, premultiplied: the photo's own, and a smaller size of it. */
vec4 blurredBy(float wide, vec4 own, sampler2D sizes, vec2 at) {
  float level = ${TURNS.map(turn => `smoothstep(${turn}, wide)`).join(' + ')};
  float share = clamp((wide - ${FINE[0].toFixed(1)}) / ${(FINE[1] - FINE[0]).toFixed(1)}, 0.0, 1.0);
  return (1.0 - share + 1e-4) * own + share * textureLod(sizes, at, level);
}
void main() {
  vec2 place = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y), at = place / size;
  vec4 own = texelFetch(photo, ivec2(place), 0);
  vec4 around = vec4(${blurred ? 'texelFetch(fine, ivec2(place), 0)' : 'own'}.rgb, 1.0);
  around = blurredBy(wideness(radiusOf(texelFetch(disparity, ivec2(place), 0).r, at), at), around, rest, at);
  vec4 front = vec4(own.rgb, 1.0) * own.a;
  ${blurred ? 'front = blurredBy(wideness(radiusOf(0.0, at), at), front, subject, at);' : ''}
  around.rgb /= around.a;
  front.rgb /= max(front.a, 1e-4);
  shown = vec4(sqrt(mix(around.rgb * around.rgb, front.rgb * front.rgb, min(front.a, 1.0))), 1.0);
}`;

/** The photo where nothing but a sharp subject is seen. */
export const COPY = `${HEAD}
uniform sampler2D photo;
out vec4 shown;
void main() { shown = vec4(texelFetch(photo, ivec2(gl_FragCoord.x, size.y - gl_FragCoord.y), 0).rgb, 1.0); }`;

/** Something else than the lens's picture: depth with the plane in focus, the matte, or a picture that is there. */
export const VIEW = `${HEAD}
uniform sampler2D photo, disparity, drawn;
uniform vec2 depths;
uniform float view;
${radius(true)}
out vec4 shown;
vec3 inferno(float t) {
  const vec3 c0 = vec3(0.0002, 0.0016, -0.0194), c1 = vec3(0.1065, 0.5639, 3.9327), c2 = vec3(11.6024, -3.9728, -15.9423);
  const vec3 c3 = vec3(-41.7039, 17.4363, 44.3541), c4 = vec3(77.1629, -33.4023, -81.8073);
  const vec3 c5 = vec3(-71.3194, 32.6260, 73.2095), c6 = vec3(25.1311, -12.2426, -23.0703);
  return c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * (c5 + t * c6)))));
}
void main() {
  vec2 at = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y) / size;
  vec4 own = textureLod(photo, at, 0.0);
  float there = textureLod(disparity, at, 0.0).r;
  shown = vec4(textureLod(drawn, at, 0.0).rgb, 1.0);
  if (view == 2.0) {
    float grey = dot(own.rgb, vec3(0.2, 0.7, 0.1));
    shown.rgb = mix(mix(vec3(grey), vec3(0.16, 0.28, 0.85), 0.55) * 0.6, own.rgb, own.a);
  }
  if (view == 1.0) {
    float nearness = (mix(there, 0.0, own.a) - depths.x) / max(depths.y - depths.x, 1e-6);
    shown.rgb = clamp(inferno(clamp(nearness, 0.0, 1.0)), 0.0, 1.0);
    bool stripe = mod(gl_FragCoord.x + gl_FragCoord.y, 14.0) < 4.0;
    float wide = abs(mix(radiusOf(there, at), radiusOf(0.0, at), own.a));
    if (wide <= 1.0) shown.rgb = stripe ? vec3(0.0, 0.55, 1.0) : mix(shown.rgb, vec3(1.0), 0.18);
  }
}`;
