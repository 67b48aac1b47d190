import type { Requester } from './api';

interface Document {
  readonly paths?: Readonly<
    Record<string, Readonly<Record<string, IOperation>>>
  >;
}

interface IOperation {
  readonly parameters?: readonly { readonly name?: string }[];
}

/**
 * What the server can do, read once from its list of operations.
 *
 * Panel and server may be a release apart: what a server does not offer is not offered by the panel.
 */
export class Capabilities {
  constructor(private readonly _request: Requester) {}

  /** Whether an operation is there: `DELETE /runs/{id}`; false as long as nobody has answered. */
  has(route: string): boolean {
    return this._fields.has(route);
  }

  /** Whether an operation takes a field in its query. */
  takes(route: string, field: string): boolean {
    return this._fields.get(route)?.has(field) ?? false;
  }

  /** Read the list; later calls wait for the first. A server that does not answer is asked again. */
  async load(): Promise<void> {
    this._loading ??= this._read().catch(() => {
      this._loading = null;
    });
    await this._loading;
  }

  private async _read(): Promise<void> {
    const document = await this._request<Document>('GET', '/openapi.json');
    this._fields = new Map(
      Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { parameters = [] }]) => [
          `${method.toUpperCase()} ${path}`,
          new Set(parameters.map(({ name }) => name ?? ''))
        ])
      )
    );
  }

  private _fields: ReadonlyMap<string, ReadonlySet<string>> = new Map();
  private _loading: Promise<void> | null = null;
}
