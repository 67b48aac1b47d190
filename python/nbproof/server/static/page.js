'use strict';
(() => {
  const search = document.getElementById('search');
  const verbs = [...document.querySelectorAll('.verb')];
  const rooms = [...document.querySelectorAll('.room')];
  const shapes = document.getElementById('shapes');
  const nothing = document.getElementById('nothing');

  const address = document.getElementById('address');
  address.textContent = location.origin + address.textContent;

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set();
    for (const verb of verbs) {
      verb.hidden = !words.every(word => verb.dataset.words.includes(word));
      if (!verb.hidden) {
        shown.add(verb.id);
      }
    }
    for (const room of rooms) {
      room.hidden =
        room === shapes ? words.length > 0 : !room.querySelector('.verb:not([hidden])');
    }
    for (const item of document.querySelectorAll('nav li[data-for]')) {
      item.hidden = !shown.has(item.dataset.for);
    }
    for (const group of document.querySelectorAll('nav section')) {
      group.hidden = !group.querySelector('li:not([hidden])');
    }
    nothing.hidden = shown.size > 0;
  };

  const openTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) {
      if (target.hidden || target.closest('.room')?.hidden) {
        search.value = '';
        filter();
      }
      target.open = true;
      target.scrollIntoView();
    }
  };

  search.addEventListener('input', filter);
  document.getElementById('clear').addEventListener('click', () => {
    search.value = '';
    filter();
    search.focus();
  });
  document.addEventListener('keydown', event => {
    if (event.key === '/' && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === 'Escape' && document.activeElement === search) {
      search.value = '';
      filter();
    }
  });
  window.addEventListener('hashchange', openTarget);

  if (navigator.clipboard) {
    for (const button of document.querySelectorAll('.copy')) {
      button.hidden = false;
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(button.nextElementSibling.textContent);
        button.textContent = 'Copied';
        setTimeout(() => {
          button.textContent = 'Copy';
        }, 1500);
      });
    }
  }

  openTarget();
})();
