// What tests ask of a page that is open.
({
  // Elements that somebody points at, and which are shown; a link within a sentence may be as small as its text.
  smallTargets: () => {
    const small = [];
    for (const one of document.querySelectorAll('a[href], button, select, summary, input:not([type=hidden])')) {
       if (!one.checkVisibility({ visibilityProperty: true }) || one.closest('.skip')) continue;
       const box = one.getBoundingClientRect();
       if (!box.width || box.right <= 0) continue;
       const around = one.parentElement.textContent.trim(), own = one.textContent.trim();
       if (one.matches('a') && getComputedStyle(one).display === 'inline' && around.length > own.length
           && one.closest('p, li, figcaption, dd')) continue;
       if (one.matches('input[type=checkbox], input[type=radio]') && one.closest('label')) {
         if (one.closest('label').getBoundingClientRect().height >= 23.5) continue;
       }
       if (Math.min(box.width, box.height) < 23.5)
         small.push(`${one.tagName} "${own || one.name}" ${box.width.toFixed(0)}x${box.height.toFixed(0)}`);
    }
    return small;
  },
  // What sticks out of the window, where nothing around it scrolls by itself.
  wider: () => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const out = [...document.querySelectorAll('body *')].filter(one => {
       const box = one.getBoundingClientRect();
       return box.width && box.right > width + 1 && !one.closest('.sideways, svg') && !one.matches('.hidden');
    });
    return [`${document.documentElement.scrollWidth} > ${width}: `
       + out.slice(0, 5).map(one => `${one.tagName}.${one.className}`).join(', ')];
  },
  // Text that its own box cuts off.
  cut: () => [...document.querySelectorAll('main *, header *, nav *, footer *, form *')].filter(one =>
       !one.closest('svg, .hidden, select') && ['hidden', 'clip'].includes(getComputedStyle(one).overflowX)
       && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)
    ).map(one => `${one.tagName}.${one.className} cuts "${one.textContent.trim().slice(0, 30)}"`),
  spaceText: () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
       word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  },
  structure: () => {
    const faults = [], count = (what) => document.querySelectorAll(what).length;
    for (const [what, least, most] of [['main', 1, 1], ['body > header', 1, 1], ['body > footer', 1, 1], ['h1', 1, 1],
         ['main h1', 1, 1], ['[role=status], [role=alert]', 1, 99], ['.skip', 1, 1]])
       if (count(what) < least || count(what) > most) faults.push(`${what}: ${count(what)}`);
    let before = 0;
    for (const one of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
       const level = Number(one.tagName[1]);
       if (level > before + 1) faults.push(`h${level} "${one.textContent.trim()}" after h${before}`);
       if (!one.textContent.trim()) faults.push(`empty ${one.tagName}`);
       before = level;
    }
    if (!document.title.trim()) faults.push('no title');
    for (const one of document.querySelectorAll('main table')) {
       if (!one.caption) faults.push(`table without caption: ${one.textContent.trim().slice(0, 40)}`);
       if ([...one.querySelectorAll('th')].some(head => !head.scope)) faults.push(`th without scope: ${one.caption?.textContent}`);
    }
    const seen = new Set();
    for (const one of document.querySelectorAll('[id]')) {
       if (seen.has(one.id)) faults.push(`id twice: ${one.id}`);
       seen.add(one.id);
    }
    return faults;
  },
  inlineCode: () => [...document.querySelectorAll('style, script:not([src]), [style]')].filter(one =>
       one.getAttribute('type') !== 'application/json').map(one => one.outerHTML.slice(0, 80)).concat(
    [...document.querySelectorAll('*')].filter(one => [...one.attributes].some(is => is.name.startsWith('on')))
       .map(one => one.outerHTML.slice(0, 80))),
  figures: () => [...document.querySelectorAll('figure.picture')].map(one => ({
    id: one.id,
    name: one.querySelector('figcaption b')?.textContent.trim() || '',
    sentence: one.querySelector('figcaption')?.textContent.trim() || '',
    pictures: [...one.querySelectorAll('svg')].map(svg => ({
       role: svg.getAttribute('role'),
       name: svg.querySelector('title')?.textContent || '',
       said: svg.querySelector('desc')?.textContent || '',
       labelled: (svg.getAttribute('aria-labelledby') || '').split(' ').every(id => svg.querySelector('#' + CSS.escape(id))),
       shown: svg.checkVisibility(),
       smallest: Math.min(99, ...[...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize))),
    })),
    values: [...one.querySelectorAll('table data')].map(data => data.value),
    rows: one.querySelectorAll('table tbody tr').length,
  })),
  texts: () => {
    const texts = [document.title];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
       const around = walk.currentNode.parentElement;
       if (!around.closest('script, code, kbd, [lang]:not(html)')) texts.push(walk.currentNode.data);
    }
    for (const one of document.querySelectorAll('[aria-label], [title], [placeholder], [alt]'))
       for (const name of ['aria-label', 'title', 'placeholder', 'alt'])
         if (one.getAttribute(name) && !one.closest('[lang]:not(html)')) texts.push(one.getAttribute(name));
    return texts;
  },
  data: () => [...document.querySelectorAll('data')].map(one => [one.getAttribute('value'), one.textContent.trim()]),
  focused: () => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
    const y = Math.min(Math.max(box.top + Math.min(box.height, 40) / 2, 0), innerHeight - 1);
    const at = document.elementFromPoint(x, y);
    one.dataset.walked = Number(one.dataset.walked || 0) + 1;
    return {
       name: `${one.tagName} "${(one.innerText || one.name || one.ariaLabel || '').trim().slice(0, 30)}"`,
       times: Number(one.dataset.walked),
       outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
       covered: !(at && (one.contains(at) || at.contains(one))),
       outside: box.bottom < 0 || box.top > innerHeight || box.right < 0,
    };
  },
  shift: () => new Promise(done => {
    let total = 0;
    new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) total += one.value; })
       .observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => done(total)));
  }),
  moving: () => [...document.querySelectorAll('*')].filter(one => {
      const style = getComputedStyle(one);
      const lasts = (text) => text.split(',').some(each => parseFloat(each) > 0.001);
      return lasts(style.transitionDuration) || lasts(style.animationDuration) || style.scrollBehavior === 'smooth';
  }).map(one => one.tagName),
})
