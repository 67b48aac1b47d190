import { PathExt } from '@jupyterlab/coreutils';
import {
  IRenderMimeRegistry,
  RenderMimeRegistry
} from '@jupyterlab/rendermime';
import type { Contents } from '@jupyterlab/services';

import type { Notes } from '../components/Notes';

const MARKDOWN = 'text/markdown';

/**
 * Draws notes as JupyterLab draws Markdown that nobody vouches for: what could run is taken out.
 *
 * Links and pictures are meant from the workspace's folder.
 */
export function notesRenderer(
  rendermime: IRenderMimeRegistry,
  contents: Contents.IManager,
  folder: () => string
): Notes.Render {
  return text => {
    const resolver = new RenderMimeRegistry.UrlResolver({
      path: PathExt.join(folder(), 'notes.md'),
      contents
    });
    const renderer = rendermime.clone({ resolver }).createRenderer(MARKDOWN);
    const model = rendermime.createModel({
      data: { [MARKDOWN]: text },
      trusted: false
    });
    renderer.renderModel(model).catch(() => {
      renderer.node.textContent = text;
    });
    return renderer;
  };
}
