"""`wideopen serve`: the application in `static/` and the HTTP API that it speaks (extra `web`).

    browser -> limits.py -> app.py: routes -> worker_pool.py | worker process: jobs.py -> Renderer
               refuses      form.py: options   limits work   |                 scene_planes.py
                            schema.py          uploads.py removes what clients leave behind

The process that answers requests never decodes a photo: workers do, which can be killed when one takes too long.
"""
