# Read by the image's start script when the volume is new: the users, with hashes of their passwords.
docker_process_sql < /run/secrets/mariadb_users.sql
