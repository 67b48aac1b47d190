"""The HTTP face: a Jupyter Server extension, and the same on a server without kernels (`nbproof serve`).

`extension`
    what Jupyter Server loads: traits, handlers, start and stop.  Imports next to nothing.
`handlers`
    one request handler for every route, whatever the rooms declare.
`host`
    what requests share: the pool of threads and, loaded in one of them, the `desk`.
`desk`
    answers requests; blocks, so it is called in the pool only.
`drains`, `changes`
    what goes on in the background: journals into records, and who is told.
"""
