import { ServerConnection } from '@jupyterlab/services';

import type { Requester } from './api';
import { Capabilities } from './capabilities';
import { Problem, problemOf } from './problem';
import { queryString } from './query';

const ROOT = 'nbproof/api/v1';

/** Asks the nbproof server extension over Jupyter's own authenticated connection. */
export class Client {
  constructor(private readonly _settings: ServerConnection.ISettings) {}

  /** What the server can do, beyond what every release can. */
  readonly capabilities = new Capabilities(this.requester());

  /** How to ask about one workspace; without an id the server chooses. */
  requester(workspace: string | null = null): Requester {
    return async <T>(
      method: string,
      path: string,
      query: Record<string, unknown> = {},
      body?: unknown
    ): Promise<T> => {
      const response = await this._send(method, path, workspace, query, body);
      if (response.status === 204) {
        return undefined as T;
      }
      try {
        return (await response.json()) as T;
      } catch {
        throw new Problem('broken', 'The answer was not JSON.', {
          status: response.status
        });
      }
    };
  }

  /** Fetch bytes through the authenticated route, so that no link has to carry a token. */
  async download(
    workspace: string | null,
    path: string,
    query: Record<string, unknown> = {}
  ): Promise<Blob> {
    const response = await this._send('GET', path, workspace, query, undefined);
    return response.blob();
  }

  private async _send(
    method: string,
    path: string,
    workspace: string | null,
    query: Record<string, unknown>,
    body: unknown
  ): Promise<Response> {
    const words =
      workspace === null ? query : { ...query, workspace: workspace };
    // Not URLExt.join: it would tidy away dots and slashes that belong to percent-encoded names.
    const url = `${this._settings.baseUrl}${ROOT}${path}${queryString(words)}`;
    // Under its default `no-store` makeRequest adds a nameless time stamp to the query, which
    // operations refuse as an unknown field; `no-cache` asks the server each time as well.
    const init: RequestInit = { method, cache: 'no-cache' };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch (thrown) {
      throw new Problem(
        'offline',
        thrown instanceof Error ? thrown.message : String(thrown)
      );
    }
    if (!response.ok) {
      throw problemOf(response.status, await response.text());
    }
    return response;
  }
}
