"""`wideopen serve`: the page and the HTTP API beside it (extra `web`).

    browser -> limits.py -> Gradio: page.py, api.py -> worker_pool.py | worker process: jobs.py -> Renderer
               refuses              widgets.py         limits work    |
                                    controls.py        session_files.py removes what sessions leave behind

The process that answers requests never decodes a photo: workers do, which can be killed when one takes too long.
"""
