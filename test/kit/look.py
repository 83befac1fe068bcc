"""What an eye would object to in a page: text that is cut off, lies over other text, is broken within a word or is too pale, a page that scrolls sideways."""

SCRIPT = r"""
(() => {
  const found = [];
  const say = (what, node) => found.push(`${what}: "${(node.textContent || node.tagName).trim().slice(0, 60)}"`);
  const seen = node => node.getClientRects().length > 0 && getComputedStyle(node).visibility !== 'hidden';

  // Colours over each other, as the eye gets them.
  const colour = text => {
    const parts = text.match(/[\d.]+/g);
    return parts ? parts.map(Number).concat(1).slice(0, 4) : [0, 0, 0, 0];
  };
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const back = colour(getComputedStyle(at).backgroundColor);
      if (back[3] === 1) return back;
    }
    return [255, 255, 255, 1];
  };
  const luminance = ([r, g, b]) => {
    const part = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const contrast = (a, b) => {
    const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };

  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push(`the page is ${document.documentElement.scrollWidth} wide on a screen of ${width}`);

  for (const svg of document.querySelectorAll('svg[role=img]')) {
    if (!seen(svg)) continue;
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll('text')].filter(seen).map(node => ({node, box: node.getBoundingClientRect()}));
    for (const {node, box} of boxes)
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        say('outside of its plot', node);
    boxes.forEach((a, i) => boxes.slice(0, i).forEach(b => {
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (across > 1 && down > 3) say(`over "${b.node.textContent}"`, a.node);
    }));
  }

  const land = document.createElement('i');
  land.style.color = 'var(--land)';
  document.body.append(land);
  const landColour = colour(getComputedStyle(land).color);
  land.remove();
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!own || !seen(node) || node.closest('title, style, defs')) continue;
    const inSvg = node.closest('svg');
    const style = getComputedStyle(node);
    const ink = colour(inSvg ? style.fill : style.color);
    const grounds = [ground(inSvg ? inSvg.parentElement : node)];
    if (node.closest('.map')) grounds.push(landColour);
    for (const back of grounds)
      if (contrast(ink, back) < 4.5) say(`contrast ${contrast(ink, back).toFixed(2)}`, node);
    if (inSvg) continue;
    for (const child of node.childNodes) {
      if (child.nodeType !== 3) continue;
      for (const word of child.data.matchAll(/[A-Za-z]+/g)) {
        if (word[0].length > 16) continue; // must be broken somewhere
        const range = document.createRange();
        range.setStart(child, word.index);
        range.setEnd(child, word.index + word[0].length);
        if (new Set([...range.getClientRects()].map(piece => Math.round(piece.top))).size > 1) say(`"${word[0]}" broken in two`, node);
      }
    }
    const box = node.getBoundingClientRect();
    if (!node.closest('.scroll') && (box.right > width + 1 || box.left < -1)) say('beside the screen', node);
    if (node.scrollWidth > node.clientWidth + 1 && style.display !== 'inline' && style.overflow === 'visible') say('wider than its box', node);
  }
  return found;
})()
"""


def objections(page):
    return page.run(SCRIPT)
